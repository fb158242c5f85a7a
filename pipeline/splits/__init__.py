"""Splits: who is trained on, who validates, who is tested on, so that no voice, source or speech is in two of them."""
