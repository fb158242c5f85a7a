"""Recordings in, 16-bit mono samples at one rate out: decoding, resampling, the WAV that ingest writes."""
