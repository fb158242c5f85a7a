"""Programs that tests interrupt as a terminal does."""

import signal


def heed_interrupts() -> None:
    """Run in a new process before its program: a background process starts with SIGINT ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
