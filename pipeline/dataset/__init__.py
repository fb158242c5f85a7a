"""The data set of the network: silence views, sequences, class balance, and the audit of all of them."""
