"""Which stages `dvc status` reports after a change of code, or of the version of a package."""

import json

from tests.end_to_end.conftest import Copy

PRINTS = ("console/terminal.py", "console/text.py", "console/entry.py", "errors.py", "cli/commands.py", "cli/output.py")
USE_SILENCE = {"trim", "features", "export", "evaluate", "report"}
USE_SCIKIT_LEARN = {"audit", "evaluate", "speakers"}


def changed(copy: Copy) -> set[str]:
    """Stages whose dependencies changed."""
    status = json.loads(copy.succeed("dvc", "status", "--json"))
    return {name for name, news in status.items() if any(isinstance(part, dict) for part in news)}


def touch(copy: Copy, *modules: str) -> None:
    for module in modules:
        with (copy.folder / "pipeline" / module).open("a") as file:
            file.write("\n# A change.\n")


def test_a_change_to_code_reruns_the_stages_whose_results_it_affects(tiny: Copy) -> None:
    """tests/test_dvc_yaml.py compares the rooms and packages of all stages with the imports."""
    touch(tiny, *PRINTS)
    assert changed(tiny) == set()
    touch(tiny, "silence/__init__.py")
    assert changed(tiny) == USE_SILENCE


def test_an_upgrade_reruns_the_stages_that_it_affects(tiny: Copy) -> None:
    metadata = tiny.folder / "scikit_learn-99.0.dist-info"  # found before the installed one
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: scikit-learn\nVersion: 99.0\n")
    tiny.repro("--single-item", "versions")
    assert json.loads((tiny.folder / "artifacts" / "versions.json").read_text())["scikit-learn"] == "99.0"
    assert changed(tiny) == USE_SILENCE | USE_SCIKIT_LEARN
