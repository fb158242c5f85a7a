"""Fitting the network: the sequences in an order drawn every epoch, and the fit."""
