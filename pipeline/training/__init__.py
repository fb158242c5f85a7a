"""Fitting the network: the feed of shuffled sequences, the fit itself and its history."""
