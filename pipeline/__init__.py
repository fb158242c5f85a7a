"""Spoken language recognition: from recordings to a streaming model, one noun of the field a module."""
