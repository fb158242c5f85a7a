"""Scores of an exported network on the test speakers: offline on stored features, and as a stream of their audio."""
