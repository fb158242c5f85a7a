"""The command-line interface: commands, printed answers, live audio, checks of the machine."""
