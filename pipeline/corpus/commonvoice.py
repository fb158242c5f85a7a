"""The layout of Mozilla Common Voice, both halves, unpacked as they are published: a folder per locale and release.

https://github.com/common-voice/cv-dataset, the READMEs in datasets/scripted-speech and datasets/spontaneous-speech:
validated.tsv beside clips/, whose official split is in train.tsv, dev.tsv and test.tsv, and ss-corpus-LOCALE.tsv beside
audios/, whose official split is a column. client_id is the speaker. reported.tsv lists sentences,
ss-reported-audios-LOCALE.tsv clips that the first table leaves out, with the client_id of whoever reported them.
"""

import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline import names
from pipeline.corpus.collector import BETWEEN_REASONS, Collector
from pipeline.corpus.paths import REPORTED, escaped, folders_of, is_file, is_folder, names_in
from pipeline.corpus.spreadsheet import Table

SPLITS = {"train.tsv": "train", "dev.tsv": "val", "test.tsv": "test"}
SPONTANEOUS = re.compile(r"ss-corpus-(?P<locale>.+)\.tsv")
COPIED = ("age", "gender", "accents", "variant")  # columns; those before release 8 wrote accent
MISMATCH = "dataset-language-audio-mismatch"  # the only quality tag that is about the language spoken
REMEDY = "unpack the release again"


@dataclass(frozen=True)
class Part:
    """The clips of one locale: their table, and that of the reports."""

    folder: str  # relative to the root
    locale: str
    table: str = "validated.tsv"
    audio: str = "clips"
    path: str = "path"  # column of the file
    reported: str = "reported.tsv"
    keys: tuple[str, ...] = ("sentence_id", "sentence")  # columns shared with the reports: the first with a cell counts


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    found = next(_parts(root), None)
    return f"{escaped(found.folder) or 'it'} holds {escaped(found.table)} and {found.audio}/" if found else None


def read(collector: Collector) -> None:
    """List the clips of every locale: of scripted speech those that are validated, of spontaneous speech all."""
    collector.speakers_in = "the column client_id"
    for part in _parts(collector.root):
        splits, reports, listed = _splits(part.folder, collector), _reports(part, collector), set[str]()
        table = collector.table(posixpath.join(part.folder, part.table), REMEDY, style="tabs")
        for line, row in table.rows(("client_id", part.path)):
            clip = row[part.path].strip()
            clip = clip if "." in clip else f"{clip}.mp3"  # of the first releases
            listed.add(names.normal(clip))
            row.setdefault("accents", row.get("accent", ""))
            columns = {name: names.line(row.get(name, "")) for name in COPIED}
            split = row.get("split", "").strip()
            columns["split"] = SPLITS.get(f"{split}.tsv", "") if split else splits.get(names.normal(clip), "")
            if reasons := _reasons(part, row, reports):
                columns["reported"] = BETWEEN_REASONS.join(reasons)
            collector.add(
                posixpath.join(part.folder, part.audio, clip),
                row.get("locale", "").strip() or part.locale,
                row["client_id"],
                where=f"{table.name} line {line}",
                columns=columns,
            )
        if collector.languages.find(part.locale):
            for (key, clip), reasons in reports.items():
                if key == part.path and clip not in listed:
                    collector.skipped[REPORTED + escaped(BETWEEN_REASONS.join(reasons))] += 1


def _parts(root: Path) -> Iterator[Part]:
    """Yield the parts in the folders of the root, or in the root itself."""
    for folder, locale in [("", root.resolve().name), *((name, name) for name in folders_of(root))]:
        if is_file(root / folder / Part.table) and is_folder(root / folder / Part.audio):
            yield Part(folder, locale)
        if is_folder(root / folder / "audios"):
            for name in names_in(root / folder):
                if (match := SPONTANEOUS.fullmatch(name)) and is_file(root / folder / name):
                    of = match["locale"]
                    reported = f"ss-reported-audios-{of}.tsv"
                    yield Part(folder, of, name, "audios", "audio_file", reported, ("audio_file",))


def _splits(folder: str, collector: Collector) -> dict[str, str]:
    """Return the official split of each scripted clip; none unless all three tables are there."""
    tables = {posixpath.join(folder, name): split for name, split in SPLITS.items()}
    if not all(is_file(collector.root / table) for table in tables):
        return {}
    return {
        names.normal(row["path"]): split
        for table, split in tables.items()
        for _, row in collector.table(table, REMEDY, style="tabs").rows(("client_id", "path"))
    }


def _reports(part: Part, collector: Collector) -> dict[tuple[str, str], list[str]]:
    """Return the reasons of the reports by column and cell of what they report.

    What reporters write is published as it is, with tabs and line breaks: lines that it has broken are counted.
    """

    def count(line: int, fault: str) -> None:
        collector.skipped[f"{REPORTED}unreadable lines"] += 1

    def table() -> Table:
        return collector.table(path, REMEDY, bad=count, style="tabs")

    path = posixpath.join(part.folder, part.reported)
    found: dict[tuple[str, str], list[str]] = {}
    if is_file(collector.root / path) and next(table().lines(), None):  # without reports, it may be empty
        for _, row in table().rows(("reason",)):
            for key in part.keys:
                if cell := names.normal(row.get(key, "")):
                    reasons, reason = found.setdefault((key, cell), []), names.line(row["reason"]) or "no reason"
                    reasons += [reason] * (reason not in reasons)
    return found


def _reasons(part: Part, row: dict[str, str], reports: dict[tuple[str, str], list[str]]) -> list[str]:
    """Return the reasons for which a clip was reported."""
    cells = ((key, names.normal(row[key])) for key in part.keys if row.get(key, "").strip())
    reasons = reports.get(next(cells, ("", "")), [])
    return [*reasons, *[MISMATCH] * (MISMATCH in row.get("quality_tags", "").split("|"))]
