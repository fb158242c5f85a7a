"""versions: list the versions of packages that affect the output, so that an upgrade re-runs the affected stages."""

from typing import Any

from pipeline import checksums, versions
from pipeline.params import plain_yaml
from stages import ARTIFACTS, GRAPH, run


def main() -> None:
    graph: Any = plain_yaml.read(GRAPH)
    entries = [entry for stage in graph["stages"].values() for entry in stage.get("params", [])]
    names = {name for entry in entries if isinstance(entry, dict) for names in entry.values() for name in names}
    checksums.write_json(ARTIFACTS / "versions.json", versions.installed(sorted(names)))


if __name__ == "__main__":
    run(main)
