"""The page that listens: the exported model and a stream in JavaScript, in one file."""
