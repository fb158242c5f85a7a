"""versions: list the versions of packages that affect the output, so that an upgrade re-runs the affected stages."""

from typing import Any

from pipeline import checksums, versions
from pipeline.params import plain_yaml
from stages import ARTIFACTS, GRAPH, run

VERSIONS = ARTIFACTS / "versions.json"


def main() -> None:
    graph: Any = plain_yaml.read(GRAPH)
    entries = [entry for stage in graph["stages"].values() for entry in stage.get("params", [])]
    packages = {name for entry in entries if isinstance(entry, dict) for name in entry[VERSIONS.as_posix()]}
    checksums.write_json(VERSIONS, versions.installed(sorted(packages)))


if __name__ == "__main__":
    run(main)
