"""Stage ingest: every file decoded once, its recordings measured, fingerprinted and written into containers."""
