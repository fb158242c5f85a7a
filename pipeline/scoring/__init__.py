"""Scores of an exported network on the test speakers."""
