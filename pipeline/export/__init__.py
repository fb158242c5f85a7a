"""The trained network as a stream in four formats, each checked to be equal to it."""
