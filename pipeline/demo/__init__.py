"""The demo corpus, synthesised from sentences with espeak-ng."""
