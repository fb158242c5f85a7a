"""Confounds: cues other than speech that reveal the language, such as the level or the length of recordings."""
