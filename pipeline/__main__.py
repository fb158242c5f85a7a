"""The entry point of `lid` and of `python -m pipeline`."""

from pipeline.console import entry  # isort: skip  # first: it handles Ctrl-C from the start


def main() -> None:
    """Run the command `lid`."""
    from pipeline.cli import commands

    entry.run(commands.main)


if __name__ == "__main__":
    main()
