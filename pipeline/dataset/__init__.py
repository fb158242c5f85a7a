"""What is trained and tested on: splits, silence views, sequences, balance, and the audit of all of them."""
