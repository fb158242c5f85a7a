"""Every command and code block of every page runs, and the tables are complete."""

import difflib
import itertools
import json
import os
import re
import shlex
import sys
import tomllib
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from pipeline import params, programs
from tests import s3
from tests.end_to_end.conftest import ROOT, STAGES, Copy

ELSEWHERE = {  # pages whose blocks another test runs
    ROOT / "docs" / "cluster.md": "test_cluster_page.py",
    ROOT / "examples" / "reuse" / "README.md": "test_reuse.py",
}
PAGES = [
    *(
        ROOT / name
        for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "artifacts/README.md", "ablation/README.md")
    ),
    *sorted({*(ROOT / "docs").rglob("*.md")} - {*ELSEWHERE}),
]
EXPERIMENTS = ("lid ablate", "dvc exp")
NOT_AGAIN = {"make test", "make quick", "make lint", "make handin"}  # other tests, or CI, run what they run
IN_ONE_PROCESS = """
import contextlib, io, json, sys

for number, code in enumerate(json.load(sys.stdin)):
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(code, f"block {number}", "exec"), {"__name__": "__main__"})
    assert printed.getvalue(), code
"""


def blocks(language: str) -> list[str]:
    return [
        block for page in PAGES for block in re.findall(rf"```{language}\n(.*?)```", page.read_text(), flags=re.DOTALL)
    ]


def kinds(page: Path) -> set[str]:
    return set(re.findall(r"^```(\w+)", page.read_text(), flags=re.MULTILINE))


def listed(*patterns: str) -> list[str]:
    return [
        name for name in programs.listed(ROOT, "-co", "--exclude-standard", "--", *patterns) if (ROOT / name).exists()
    ]


def test_every_block_of_every_page_is_run() -> None:
    written = {ROOT / "ablation" / "table.md"}  # by `lid ablate`
    assert {ROOT / name for name in listed("*.md")} - written == {*PAGES, *ELSEWHERE}
    for page, test in ELSEWHERE.items():
        assert f'"{page.parent.name}" / "{page.name}"' in Path(__file__).with_name(test).read_text()
        assert kinds(page) <= {"bash", "python", "yaml"}
    assert set.union(*map(kinds, PAGES)) == {"bash", "python", "yaml", "text", "mermaid"}  # the last two are compared


@pytest.fixture(scope="module")
def published(tiny: Copy) -> Iterator[None]:
    """The run is committed and its features are in the bucket of the pages."""
    tiny.commit("dvc.lock", "artifacts/summary")
    for command in COMMANDS:
        if command.startswith("lid export"):
            tiny.succeed(*shlex.split(command))
    with pytest.MonkeyPatch.context() as patch, s3.serving(patch, "bucket") as client:
        s3.upload(client, tiny.folder / "artifacts" / "features.zarr", "bucket", "features.zarr")
        yield


@pytest.mark.usefixtures("published")
@pytest.mark.parametrize("of_keras", [False, True])
def test_python_runs(tiny: Copy, of_keras: bool) -> None:
    codes = [code for code in blocks("python") if ("import keras" in code) is of_keras]
    for package, line in (("torch", "import DataLoader"), ("lhotse", "import lhotse")):
        codes = [code for code in codes if line not in code or find_spec(package)]
    unclosed = ("-W", "ignore:unclosed file:ResourceWarning", "-W", "ignore:unclosed database:ResourceWarning")
    strict = ("-W", "error", *unclosed)  # WebDataset closes no file, DVC no database
    done = tiny.run("python", *strict, "-c", IN_ONE_PROCESS, given=json.dumps(codes))
    assert done.returncode == 0, done.stderr
    assert not done.stderr or of_keras  # TensorFlow says what it finds


OUTPUTS = {
    command: output
    for page in PAGES
    for command, output in re.findall(r"```bash\n([^`]*?)\n```\n+```text\n(.*?)```", page.read_text(), flags=re.DOTALL)
}
LINES = [line.split("#")[0].strip() for block in blocks("bash") for line in block.splitlines() if line.strip()]
COMMANDS: list[str] = [*dict.fromkeys(LINES)]
COMMANDS.sort(key=lambda line: line.startswith(EXPERIMENTS))  # after one, `dvc repro` has something to do


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_run_and_print_what_the_pages_show(tiny: Copy, command: str) -> None:
    """The same lines, but for numbers, what follows from them, and the width of columns."""

    def shape(line: str) -> str:
        return " ".join(re.sub(r"[\d.,]+", "#", line).split())

    if not (tiny.folder / ".venv").exists():
        (tiny.folder / ".venv").symlink_to(sys.prefix)
        for name in ("pyproject.toml", "requirements.lock", "requirements-test.lock"):
            os.utime(tiny.folder / name, (0, 0))  # older than the environment: make must not install into it
    done = tiny.run(*shlex.split(command.replace("make", "make -n") if command in NOT_AGAIN else command))
    assert done.returncode == 0, done.stdout + done.stderr
    printed = (done.stdout + done.stderr).splitlines()
    for line in OUTPUTS.get(command, "").splitlines():
        assert difflib.get_close_matches(shape(line), map(shape, printed), cutoff=0.6), line
    if command == "make repro":
        assert "installing" not in done.stdout
        assert "Stage 'train' didn't change, skipping" in done.stdout
    if command in NOT_AGAIN:
        assert any(line.split()[:1] in (["pytest"], ["mypy"], ["lid"]) for line in printed)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_parameters_are_valid(text: str) -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text())
    for section, values in yaml.safe_load(text).items():  # the pages show only lines to change
        assert set(values) <= set(tree[section])
        tree[section] |= values
    params.check(tree, "the page")


def test_every_file_and_parameter_of_the_homework_exists(tiny: Copy) -> None:
    words = re.findall(r"`([^`\s]+)`", (ROOT / "docs" / "homework.md").read_text())
    paths = [word.partition("#")[0] for word in words if word.startswith(("artifacts/", "ablation/"))]
    assert len(paths) > 10
    assert [path for path in paths if not (tiny.folder / path).exists()] == []
    sections = yaml.safe_load((ROOT / "params.yaml").read_text())
    keys = [word.split(".") for word in words if word.split(".")[0] in sections and word.count(".") == 1]
    keys = [key for key in keys if key[1] not in {"png", "html", "pdf"}]  # files
    assert [key for section, key in keys if key not in sections[section]] == []


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub gives the headings of a page."""
    text = without_code(page)
    headings = re.findall(r"^#+ (.+)$", text, flags=re.MULTILINE)
    slugs = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    return slugs.union(re.findall(r'<a id="([^"]+)">', text))


@pytest.mark.parametrize("page", [*PAGES, *ELSEWHERE], ids=lambda page: page.name)
def test_links_lead_to_files_and_headings(page: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code(page)):
        path, _, anchor = target.partition("#")
        if not re.match(r"\w+:", target):
            place = page.parent / path if path else page
            assert place.exists(), target
            assert not anchor or anchor in anchors(place), target


def test_the_notebook_runs(tiny: Copy) -> None:
    """After the commands, one of which has run its experiments."""
    cells = json.loads((ROOT / "examples" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
    codes = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert not any(cell.get("outputs") for cell in cells)
    done = tiny.run("python", "-W", "error", "-c", "\n".join(codes), environment={"MPLBACKEND": "agg"})
    assert done.returncode == 0, done.stderr
    assert "spans of speech" in done.stdout
    assert re.search(r"^accuracy of recordings +mask +[01]\.\d", done.stdout, flags=re.MULTILINE)


def test_every_room_is_on_the_page_of_the_architecture() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for room in (ROOT / "pipeline").glob("*/__init__.py"):
        assert re.search(rf"^ +(\w+ +)*{room.parent.name}  ", text, flags=re.MULTILINE), room


def test_every_dependency_is_justified_and_pinned() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    run = names([*project["dependencies"], *project["optional-dependencies"]["pipeline"]])
    rows = re.findall(r"^\| ([\w., -]+) \|", (ROOT / "docs" / "dependencies.md").read_text(), flags=re.MULTILINE)
    assert names(", ".join(rows).split(", ")) - {"package", "lock"} == run | names(groups["dev"])
    locked, for_tests = pins("requirements.lock"), pins("requirements-test.lock")
    assert run <= locked
    assert names(groups["dev"]) <= locked | for_tests
    assert not locked & for_tests


def names(requirements: list[str]) -> set[str]:
    return {re.split("[<>=]", requirement)[0].replace(".", "-") for requirement in requirements}


def pins(lock: str) -> set[str]:
    """The packages in a lock, each with a version, maybe a marker, and hashes."""
    lines = (ROOT / lock).read_text().replace("\\\n", "").splitlines()
    found = [re.fullmatch(r"([\w-]+)==[\w.+]+ (; .+? )?( *--hash=sha256:[0-9a-f]{64})+", line) for line in lines]
    assert all(found)
    return {pin[1] for pin in found if pin}


def recipe(pattern: str) -> str:
    found = re.search(pattern, (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert found
    return found[1]


def test_pythons_checks_version_and_licence_are_the_same_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pythons = re.findall(r"Python :: (3\.\d+)", " ".join(project["classifiers"]))
    assert recipe(r"^PYTHONS := (.+)$").split() == pythons
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    assert [run["python"] for run in jobs["test"]["strategy"]["matrix"]["include"]] == pythons
    [hooks] = [repo["hooks"] for repo in yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]]
    lint = recipe(r"^lint:.*\n((?:\t.*\n)+)")
    assert [hook["entry"] for hook in hooks] == [line.strip() for line in lint.splitlines()]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == project["version"]
    assert citation["license"] == project["license"] == (ROOT / "LICENSE").read_text().split()[0]
    assert f"## {project['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_no_page_or_message_installs_a_package_by_a_name_that_is_not_published() -> None:
    files = [ROOT / name for name in listed("*.py", "*.md", "*.j2")]
    assert len(files) > 100
    assert [file for file in files if re.search(r"pip3? install [^\n]*lid-pipeline", file.read_text("utf-8"))] == []


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_has_a_page_with_its_parameters_and_outputs(stage: str) -> None:
    assert f"| [{stage}](docs/stages/{stage}.md) |" in (ROOT / "README.md").read_text()
    text = (ROOT / "docs" / "stages" / f"{stage}.md").read_text()
    parts = dict(re.findall(r"^## (.+)\n((?:(?!^## ).*\n)*)", text, flags=re.MULTILINE))
    assert list(parts) == ["Why", "Parameters", "Files", "When to choose what", "Pitfalls"]
    declared = {leaf for leaf in STAGES[stage].get("params", []) if isinstance(leaf, str)}
    first_cells = " ".join(re.findall(r"^\| (.*?) \|", parts["Parameters"], flags=re.MULTILINE))
    named = {
        next((entry for entry in declared if f"{word}.".startswith(f"{entry}.")), word)
        for word in re.findall(r"`([^`]+)`", first_cells)
    }
    assert named == ({"report"} if stage == "report" else declared)
    outs = STAGES[stage]["outs"] + STAGES[stage].get("metrics", [])
    for out in (name if isinstance(name, str) else next(iter(name)) for name in outs):
        assert out in parts["Files"]


def test_the_diagram_of_the_readme_is_the_graph_of_dvc() -> None:
    [diagram] = blocks("mermaid")
    drawn = {
        edge
        for line in diagram.splitlines()
        for edge in itertools.pairwise(re.findall(r"\w+", line.replace("-->", " ")))
    } - {("flowchart", "LR")}
    maker = {
        out if isinstance(out, str) else next(iter(out)): stage
        for stage, content in STAGES.items()
        for out in content["outs"] + content.get("metrics", [])
    }

    def before(stage: str) -> set[str]:
        deps = STAGES[stage].get("deps", [])
        return {made for out, made in maker.items() if any(f"{dep}/".startswith(f"{out}/") for dep in deps)}

    def far(stage: str) -> set[str]:
        return {one for near in before(stage) for one in before(near) | far(near)}

    assert drawn == {(near, stage) for stage in STAGES for near in before(stage) - far(stage)}
