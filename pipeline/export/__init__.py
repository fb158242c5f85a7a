"""The trained network as a stream in four formats, and the proof that each is equal to it."""
