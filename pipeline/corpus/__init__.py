"""Corpora: one module per layout, one table of layouts."""
