"""The CSV files between stages: the columns of each, typed once, and how to read and write them."""

import csv
import dataclasses
import io
import itertools
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_type_hints

from pipeline import checksums
from pipeline.errors import ArtifactError, Reason

Measure = Literal["recording_accuracy", "macro_recall", "c_avg", "hours", "minutes"]


@dataclasses.dataclass(frozen=True)
class FileRow:
    """A row of corpus/files.csv: one file that the corpus lists, not decoded yet."""

    path: str  # relative to corpus.root
    language: str
    speaker: str
    group: str
    sha256: str  # of the file
    extra: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class RecordingRow:
    """A row of ingest/recordings.csv: one recording that can be used.

    ``extra`` holds the columns copied from a corpus table; they follow the others in the file.
    """

    recording: str  # id, safe as a file name
    path: str  # relative to corpus.root
    language: str
    speaker: str
    group: str  # recordings cut from one source share it
    duration_s: float
    samples: int  # at audio.sample_rate
    sample_rate: int  # Hz, of the source
    channels: int
    format: str
    sha256: str  # of the 16-bit samples at audio.sample_rate
    peak_dbfs: float
    rms_dbfs: float
    clipped: float  # share of the samples at full scale
    dc_offset: float  # mean, of full scale
    crc32c: str = ""  # of every block of the samples, as audio/wav.py reads them
    same_speech: str = ""  # recordings of the same speech share it
    extra: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class DuplicateRow:
    """A row of ingest/duplicates.csv: two recordings of the same speech."""

    recording: str
    other: str
    offset_s: float  # the speech of `other` at time t is that of `recording` at t + offset_s
    matches: int  # spectral peaks in common


@dataclasses.dataclass(frozen=True)
class RejectedRow:
    """A row of ingest/rejected.csv: one recording that can't be used, and the reason."""

    path: str
    reason: Reason
    detail: str


@dataclasses.dataclass(frozen=True)
class SpanRow:
    """A row of trim/spans.csv: samples start:end of a recording are speech."""

    recording: str
    start: int
    end: int


@dataclasses.dataclass(frozen=True)
class SplitRow:
    """A row of splits/{train,val,test,other,left_out}.csv: one recording of a split."""

    recording: str
    language: str
    speaker: str
    group: str
    duration_s: float
    source: str = ""  # as the corpus names it, if it does
    piece: int = 0  # of `pieces` equal parts of the recording; split.unit speaker: the whole
    pieces: int = 1

    def frames(self, n_frames: int) -> tuple[int, int]:
        """First and last frame + 1 of the piece, of so many frames of the recording."""
        return n_frames * self.piece // self.pieces, n_frames * (self.piece + 1) // self.pieces


@dataclasses.dataclass(frozen=True)
class SequenceRow:
    """A row of manifests/*.csv: rows start:start+frames of a view of a recording, seen once by the network."""

    sequence: str
    recording: str
    language: str
    speaker: str
    start: int
    frames: int
    repeat: int = 0  # 0: the sequence itself; 1, 2, ...: oversampled, cut at another offset
    weight: float = 1.0
    member: int = 0  # which network of an ensemble trains on it
    view: str = ""  # silence strategy that it was cut for
    features: str = ""  # id of the feature store that it was cut from
    source: str = ""  # as the corpus names it, if it does


@dataclasses.dataclass(frozen=True)
class EpochRow:
    """A row of model/history.csv."""

    epoch: int
    member: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclasses.dataclass(frozen=True)
class AnswerRow:
    """A row of evaluation/confusion.csv: the language of a test recording and the answer of the network."""

    actual: str
    predicted: str


@dataclasses.dataclass(frozen=True)
class DetRow:
    """A row of evaluation/det.csv: the rates of one language's detector at one threshold, by ascending misses."""

    language: str
    miss: float
    false_alarm: float


@dataclasses.dataclass(frozen=True)
class TrialRow:
    """A row of ablation/cells.csv: the scores of one cell of a grid with one seed.

    ``extra`` holds the values of the parameters that the grid changes.
    """

    experiment: str  # its name in DVC
    commit: str  # on which it ran
    corpus: str  # id of the list of files
    seed: int
    recording_accuracy: float
    macro_recall: float
    c_avg: float
    hours: float  # of training frames that count
    minutes: float  # to run; nan if its training was restored from DVC's run cache
    extra: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class ComparisonRow:
    """A row of ablation/table.csv: one number of one cell, over its seeds.

    ``extra`` is that of the cell's TrialRow.
    """

    cell: str
    seeds: int
    commit: str
    corpus: str
    measure: Measure
    mean: float
    low: float  # of the 95 % interval
    high: float
    best: int  # 1: better than every other cell, by the rule of scoring/bootstrap.py
    extra: dict[str, str] = dataclasses.field(default_factory=dict)


SPLITS = ("train", "val", "test")
OTHER, LEFT_OUT = "other", "left_out"  # of held-out sources, and what would leak from them: splits/*.csv as well

RowWithLanguage = TypeVar("RowWithLanguage", RecordingRow, SplitRow)
Row = TypeVar(
    "Row",
    FileRow,
    RecordingRow,
    DuplicateRow,
    RejectedRow,
    SpanRow,
    SplitRow,
    SequenceRow,
    EpochRow,
    AnswerRow,
    DetRow,
    TrialRow,
    ComparisonRow,
)


def write(path: Path, kind: type[Row], rows: Iterable[Row]) -> None:
    """Write rows of one kind as CSV, header first."""
    names = [field.name for field in dataclasses.fields(kind)]
    extra: list[str] = []
    if "extra" in names:
        names.remove("extra")
        rows = list(rows)
        extra = sorted({key for row in rows for key in getattr(row, "extra", {})})
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        plain = csv.writer(file, lineterminator="\n")
        quoted = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        for cells in itertools.chain([names + extra], (_cells(row, names, extra) for row in rows)):
            # A carriage return ends a line for readers, but csv does not quote a cell for it.
            (quoted if any("\r" in cell for cell in cells) else plain).writerow(cells)


def _cells(row: object, names: Iterable[str], extra: Iterable[str]) -> list[str]:
    carried = getattr(row, "extra", {})
    return [*(str(getattr(row, name)) for name in names), *(carried.get(key, "") for key in extra)]


def of_languages(path: Path, kind: type[RowWithLanguage], languages: Iterable[str]) -> list[RowWithLanguage]:
    """Read rows that must hold exactly these languages; ArtifactError if they hold others."""
    rows = read(path, kind)
    require_languages(path, {row.language for row in rows}, languages)
    return rows


def require_languages(path: Path, found: Iterable[str], wanted: Iterable[str]) -> None:
    """Refuse the output of an earlier stage for other languages; ArtifactError."""
    is_of, should_be = ", ".join(sorted(found)), ", ".join(sorted(wanted))
    if is_of != should_be:
        raise ArtifactError(f"{path} is for the languages {is_of or 'none'}, not for {should_be}; {checksums.REMEDY}")


def read(path: Path, kind: type[Row]) -> list[Row]:
    """Read a file that `write` wrote; ArtifactError as for `scan`."""
    return list(scan(path, kind))


def scan(path: Path, kind: type[Row]) -> Iterator[Row]:
    """Read a file that `write` wrote, row by row.

    Raises
    ------
    ArtifactError
        If the file is missing or damaged, lacks a column or holds a value of another type.
    """
    types = {name: _parser(hint) for name, hint in get_type_hints(kind).items()}
    carries = types.pop("extra", None) is not None
    text = io.TextIOWrapper(io.BytesIO(checksums.read(path)), encoding="utf-8", newline="")
    try:
        lines = csv.reader(text, strict=True)
        header = next(lines, [])
        if missing := [name for name in types if name not in header]:
            raise ArtifactError(f"{path} has no column {', '.join(missing)}; {checksums.REMEDY}")
        for cells in lines:
            try:
                line = dict(zip(header, cells, strict=True))
                values: dict[str, Any] = {name: parse(line.pop(name)) for name, parse in types.items()}
            except ValueError as error:
                where = f"{path} line {lines.line_num}"
                raise ArtifactError(f"{where} does not fit its columns ({error}); {checksums.REMEDY}") from error
            if carries:
                values["extra"] = line
            yield kind(**values)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ArtifactError(f"{path} can't be read ({error}); {checksums.REMEDY}") from error


def _parser(kind: Any) -> Callable[[str], Any]:
    """The function that reads a cell of a type; ValueError if a cell has no such value."""
    allowed = get_args(kind)  # of a Literal

    def choose(cell: str) -> str:
        if cell not in allowed:
            raise ValueError(f"{cell!r} is not one of {', '.join(allowed)}")
        return cell

    return choose if allowed else kind
