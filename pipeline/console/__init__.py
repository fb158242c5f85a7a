"""The start and the end of a process, and its output to a terminal. No byte of any artifact depends on this room."""
