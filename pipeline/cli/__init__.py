"""The command `lid`."""
