"""The trained network as a stream in four formats, each proved equal to it."""
