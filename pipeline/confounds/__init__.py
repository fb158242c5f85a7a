"""Confounds: what is not speech and still gives the language away, such as the level or the length of recordings."""
