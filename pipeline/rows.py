"""The rows of the CSV files between stages, with their columns; that of corpus/files.csv is in corpus/entries.py."""

from dataclasses import dataclass, field
from typing import Literal

from pipeline.errors import Reason

Flag = Literal["quiet", "clipped", "offset", "narrow", "steady", "tonal", "duplicate", "reported"]
Why = Literal["right", "wrong", "silent"]
Measure = Literal["recording_accuracy", "macro_recall", "c_avg", "hours", "minutes"]


@dataclass(frozen=True, slots=True)
class RecordingRow:
    """A row of ingest/recordings.csv: one recording that can be used.

    ``extra`` holds the columns copied from a corpus table; they follow the others in the file.
    """

    recording: str  # id, safe as a file name
    path: str  # relative to corpus.root; with corpus.sources, after the name of its source
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
    same_speech: str = ""  # recordings of the same speech share it
    file: str = ""  # the container, in artifacts/audio
    first_sample: int = 0  # in the container
    channel: int = 0  # of the file at `path`, counted from 1; 0: the mean of all
    start_s: float = 0.0  # in that file
    speaker_from: str = "table"  # one of corpus.speakers; file and cluster: not known
    bandwidth_hz: float = 0.0  # these four as in audio/measure.py
    noise_floor_dbfs: float = 0.0
    modulation_db: float = 0.0
    tonality: float = 0.0
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class QualityRow:
    """A row of ingest/quality.csv: the sound of one recording."""

    recording: str
    path: str
    language: str
    source: str
    duration_s: float
    sample_rate: int  # Hz, of the file
    channels: int
    format: str
    bandwidth_hz: float
    peak_dbfs: float
    rms_dbfs: float
    crest_db: float  # from the RMS to the peak
    noise_floor_dbfs: float
    modulation_db: float
    tonality: float
    clipped: float
    dc_offset: float
    sha256: str
    flags: str  # codes, separated by spaces


@dataclass(frozen=True, slots=True)
class FlagRow:
    """A row of ingest/flags.csv: something about a recording that a person should look at."""

    recording: str
    path: str
    flag: Flag
    detail: str


@dataclass(frozen=True, slots=True)
class DuplicateRow:
    """A row of ingest/duplicates.csv: two recordings of the same speech."""

    recording: str
    other: str
    offset_s: float  # the speech of `other` at time t is that of `recording` at t + offset_s
    matches: int  # spectral peaks in common


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row of ingest/rejected.csv: one recording that can't be used, and the reason."""

    path: str
    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class SpanRow:
    """A row of trim/spans.csv: samples start:end of a recording are speech."""

    recording: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class VoiceRow:
    """A row of speakers/voices.csv: the cluster of similar voices that stands for the speaker of a recording."""

    recording: str
    speaker: str


@dataclass(frozen=True, slots=True)
class SplitRow:
    """A row of splits/{train,val,test,other,left_out}.csv: one recording of a split."""

    recording: str
    language: str
    speaker: str
    group: str
    duration_s: float
    source: str = ""  # as the corpus names it, if it does


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class EpochRow:
    """A row of model/history.csv."""

    epoch: int
    member: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """A row of evaluation/confusion.csv: the language of a test recording and the answer of the network."""

    actual: str
    predicted: str


@dataclass(frozen=True, slots=True)
class DetRow:
    """A row of evaluation/det.csv: the rates of one language's detector at one threshold, by ascending misses."""

    language: str
    miss: float
    false_alarm: float


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A row of evaluation/recordings.csv: the answer to one test recording; ``extra`` holds its posteriors by class."""

    recording: str
    language: str
    predicted: str
    confidence: float
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FrameRow:
    """A row of evaluation/frames.csv: one frame of an example; ``extra`` holds its posteriors by class, or nothing."""

    recording: str
    frame: int
    time_s: float
    speech: int
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamRow:
    """A row of evaluation/stream.csv: how the answer to one test recording came about."""

    recording: str
    speech_s: float
    right_s: float  # of audio, until the decision is right and final; inf: it ends wrong
    changes: int  # of the leading language


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """A row of evaluation/examples.csv: a test recording whose frames are in evaluation/frames.csv."""

    recording: str
    why: Why  # silent: it has the least speech
    end_s: float  # of the part shown, from the beginning


@dataclass(frozen=True, slots=True)
class EqualityRow:
    """A row of streaming/equality.csv: how far the stream of one format is from the offline stages, on golden audio."""

    file: str
    flags: float  # number of those of speech that differ
    mfcc: float  # largest difference
    posterior: float


@dataclass(frozen=True, slots=True)
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
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of ablation/sources.csv: the recordings of a source that was left out, in one language."""

    cell: str
    seed: int
    fold: int
    language: str
    source: str
    recordings: int
    recall: float
    confidence: float  # mean


@dataclass(frozen=True, slots=True)
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
    extra: dict[str, str] = field(default_factory=dict)


SPLITS = ("train", "val", "test")
HELD = OTHER, OPEN, LEFT_OUT = "other", "open", "left_out"  # of held-out sources and languages, and what would leak
