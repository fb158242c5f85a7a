"""The prepared corpus in the forms that other tools read: rows, audio, formats, cards.

Every `lid` imports this module, so it imports none that is heavy.
"""

from typing import Literal

NOTE = "export.json"  # in every export: what it is of
Name = Literal["lhotse", "kaldi", "nemo", "audformat", "hf", "parquet", "webdataset", "model"]
AudioFormat = Literal["containers", "wav", "flac"]
