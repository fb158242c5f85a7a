"""The command `lid`, also as `python -m pipeline`."""

from pipeline.console import entry  # isort: skip  # first: it has to do with how a program starts

import sys


def main() -> None:
    """Run the command."""
    entry.run(_main)


def _main() -> None:
    from click import ClickException

    from pipeline.cli import commands

    try:
        sys.exit(commands.main(standalone_mode=False))  # else click would tell of an interrupt itself
    except ClickException as error:
        error.show()
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
