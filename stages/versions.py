"""versions: list the versions of packages that affect the output, so that an upgrade re-runs the affected stages."""

from pipeline import checksums, versions
from stages import ARTIFACTS, run


def main() -> None:
    checksums.write_json(ARTIFACTS / "versions.json", versions.installed(versions.PACKAGES))


if __name__ == "__main__":
    run(main)
