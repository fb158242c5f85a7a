"""Voices: recordings whose speakers are not known, grouped by how alike they sound."""
