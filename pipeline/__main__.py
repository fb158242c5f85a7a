"""The entry point of `lid` and of `python -m pipeline`."""

from pipeline.console import entry  # isort: skip  # first: it handles Ctrl-C from the start

import sys


def main() -> None:
    """Run the command `lid`."""
    entry.run(_main)


def _main() -> None:
    from click import ClickException

    from pipeline.cli import commands

    try:
        sys.exit(commands.main(standalone_mode=False))  # otherwise click handles interrupts itself
    except ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
