"""Modules that need PyTorch, an extra, have no doctests to collect if it is not installed."""

from importlib.util import find_spec

collect_ignore = [] if find_spec("torch") else ["pipeline/store/tensors.py"]
