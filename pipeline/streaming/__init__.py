"""A stream of raw audio in, the language frame by frame out, on the folder that export writes."""

from pipeline.streaming.identifier import Identifier

__all__ = ["Identifier"]
