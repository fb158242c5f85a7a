"""Recognise the same speech in several recordings, whatever its level, codec, rate or offset."""
