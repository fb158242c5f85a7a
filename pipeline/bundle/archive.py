"""The archive of a bundle: one folder, checksums included, in the order of its names.

test_model.py, requirements.txt   the test script and the packages that it needs
pipeline.zip                      the modules of this package, which the script imports
model/, sequence/, model.png      the streaming export; the network on whole sequences and its weights; its plot
report.html, report.pdf, plots/   the report; the posteriors of its examples over time
live.html                         the model in a page that listens
code/                             the files of the project that git tracks
"""

import importlib.metadata
import re
import shutil
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

from pipeline import checksums, files, params, programs
from pipeline.bundle import pdf
from pipeline.errors import ArgumentError, ArtifactError
from pipeline.streaming.description import DESCRIPTION, EXPORT_REMEDY, FRONT_END, GOLDEN, Description
from pipeline.streaming.runtimes import RUNTIMES

SCRIPT = "test_model.py"
NEEDED = ("ai-edge-litert", "numpy", "pydantic", "soundfile", "soxr")  # by the script
WEIGHTS = "model.weights.h5"  # in a .keras file


def write(target: Path, project: Path) -> list[str]:
    """Write the results of a project as a ZIP.

    Parameters
    ----------
    target
        Name of the archive; its stem names the folder in it.
    project
        Folder of dvc.yaml.

    Returns
    -------
    list of str
        Files of the project that are not in it, because git does not track them.

    Raises
    ------
    ArgumentError
        If the target is not the name of a ZIP.
    ArtifactError
        If a result is missing or altered, or the model can't stream.
    ProgramError
        If no browser is installed, which prints the report.
    ProjectError
        If git does not list the files of the project.
    """
    if not re.fullmatch(r"\w[\w .-]*\.zip", target.name):
        raise ArgumentError(
            f"{str(target)!r} can't be the archive; name a .zip of letters, digits, spaces, -, _ and dots"
        )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / target.stem
        folder.mkdir()
        artifacts = project / "artifacts"
        _models(folder, artifacts)
        _script(folder, params.load(project / "params.yaml").corpus.labels)
        _report(folder, artifacts / "report")
        left_out = _code(folder / "code", project)
        checksums.seal(folder)
        with files.replacing(target) as partial:
            _zip(partial, folder.parent, folder.rglob("*"))
    return left_out


def _models(folder: Path, artifacts: Path) -> None:
    streaming, trained = artifacts / "streaming", artifacts / "model"
    if not Description.read(streaming).streaming:
        raise ArtifactError(
            f"{streaming} holds a model that can't stream; set export.streaming to true and run `dvc repro`"
        )
    needed = [DESCRIPTION, FRONT_END, GOLDEN, *(runtime.file for runtime in RUNTIMES.values())]
    checksums.check(streaming, needed, EXPORT_REMEDY)
    shutil.copytree(streaming, folder / "model")
    sequence = folder / "sequence"
    sequence.mkdir()
    (sequence / "sequence.keras").write_bytes(checksums.read(trained / "sequence.keras"))
    with zipfile.ZipFile(sequence / "sequence.keras") as archive:  # Keras keeps the weights as a file of their own
        (sequence / "sequence.weights.h5").write_bytes(archive.read(WEIGHTS))
    (folder / "model.png").write_bytes(checksums.read(trained / "model.png"))


def _script(folder: Path, labels: dict[int, str]) -> None:
    empty = "LABELS: dict[int, str] = {}"
    text = Path(__file__).with_name(SCRIPT).read_text(encoding="utf-8")
    (folder / SCRIPT).write_text(text.replace(empty, f"LABELS: dict[int, str] = {labels}"), encoding="utf-8")
    lines = [f"{name}=={importlib.metadata.version(name)}\n" for name in NEEDED]
    (folder / "requirements.txt").write_text("".join(lines))
    package = Path(__file__).parents[1]
    _zip(folder / "pipeline.zip", package.parent, package.rglob("*.py"))


def _report(folder: Path, report: Path) -> None:
    from pipeline.bundle import pictures

    checksums.check(report, ["index.html", "live.html", "plots"])
    live = (report / "live.html").read_bytes()
    (folder / "live.html").write_bytes(live.replace(b'href="index.html"', b'href="report.html"'))
    page = (report / "index.html").read_bytes()
    (folder / "report.html").write_bytes(page)
    pdf.write(folder / "report.html", folder / "report.pdf")
    (folder / "plots").mkdir()
    for plot in sorted((report / "plots").glob("*.svg")):
        (folder / "plots" / f"{plot.stem}.png").write_bytes(pictures.png(plot.read_text(encoding="utf-8")))
    if advice := pictures.advice(re.findall(r">([^<>]+)<", page.decode())):
        print(f"report.pdf and plots/: {advice}")


def _code(target: Path, project: Path) -> list[str]:
    left_out, root = programs.listed(project, "--others", "--exclude-standard"), project.resolve()
    for name in programs.listed(project, "--cached"):
        path = project / name
        # A link may lead out of the project, and a backslash out of the folder that an archive is unpacked into.
        inside = path.resolve().is_relative_to(root) and path.is_file()
        if not inside or not name.isprintable() or "\\" in name:
            left_out.append(name)
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target / name)
    return sorted(left_out)


def _zip(target: Path, root: Path, paths: Iterable[Path]) -> None:
    """Pack files under their names below a root; the same content gives the same bytes."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(paths):
            if path.is_file():
                member = zipfile.ZipInfo(path.relative_to(root).as_posix())  # of the earliest date of a ZIP
                member.external_attr = 0o644 << 16
                archive.writestr(member, path.read_bytes(), zipfile.ZIP_DEFLATED)
