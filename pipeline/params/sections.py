"""The sections of params.yaml, one frozen and validated class each; docs/parameters.md shows all bounds."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from pipeline import names
from pipeline.console.text import brief, shorten

MAX_SAMPLE_RATE_HZ = 48_000  # after ingest
MAX_LAYERS = 8  # with which both formats of an ensemble stay below 2 GB, the limit of a .tflite or .onnx file

FileName = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]
Name = Annotated[str, BeforeValidator(lambda value: names.normal(value) if isinstance(value, str) else value)]
Language = Annotated[Name, Field(max_length=60, pattern=r"^\w[\w-]*$")]
Column = Annotated[Name, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f]+$")]  # of a corpus table
Value = Annotated[Name, Field(min_length=1, max_length=1000, pattern=r"^[^\x00-\x1f\x7f]+$")]  # of such a column
SourceName = Annotated[str, Field(max_length=60, pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Values = Annotated[tuple[Value, ...], Field(strict=False, min_length=1, max_length=100)]
Share = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]  # accepted by NumPy and Keras
Seconds = Annotated[float, Field(ge=0, le=60)]
Hertz = Annotated[float, Field(ge=0, le=MAX_SAMPLE_RATE_HZ / 2)]
Epochs = Annotated[int, Field(ge=1, le=10_000)]
Units = Annotated[int, Field(ge=1, le=1024)]
RESERVED = {  # columns of CSV files with one column per language, and answers other than languages
    "silence", "undecided", "unknown", "path", "recording", "frame", "time_s", "speech", "language", "predicted",
    "confidence",
}  # fmt: skip
# Each choice is an entry of a table, as tests check: in layouts.py, views.py, balance.py, definition.py, methods.py.
Layout = Literal["auto", "homework", "folders", "table", "commonvoice", "voxlingua107", "fleurs", "kaldi"]
Speakers = Literal["table", "pattern", "file", "cluster"]
Channels = Literal["mix", "first", "split"]
SilenceStrategy = Literal["none", "remove", "mask", "label"]
BalanceStrategy = Literal["none", "class_weight", "undersample", "oversample", "ensemble"]
Cell = Literal["gru", "lstm"]
Mean = Literal["log", "plain"]
DEMO_LANGUAGES = ("english", "hindi", "mandarin")
SplitMethod = Literal["hours", "hash", "official", "folds", "sources"]


class Section(BaseModel):
    """A section of params.yaml: values are frozen and have exactly the declared type; unknown keys are refused.

    A key that a file does not have, as one written before the key existed, has the default that is declared here.
    Text and booleans are not accepted as numbers, nor 32.0 as an integer; infinity and NaN are refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Demo(Section):
    """The corpus that espeak-ng synthesises."""

    minutes: Annotated[float, Field(ge=1, le=100_000)] = 61
    voices: Annotated[int, Field(ge=3, le=1000, description="per language")] = 100
    seed: Seed = 42


class Checks(Section):
    """Limits of the measures in ingest/quality.csv: a recording beyond one of them is flagged."""

    level: Annotated[float, Field(ge=-100, le=0, description="dBFS, RMS")] = -50.0
    clipped: Annotated[float, Field(ge=0, le=1, description="share of the samples")] = 0.001
    offset: Annotated[float, Field(ge=0, le=1, description="of full scale")] = 0.02
    bandwidth: Hertz = 4500.0
    modulation: Annotated[float, Field(ge=0, le=100, description="dB")] = 6.0
    tonality: Annotated[float, Field(ge=-1, le=1)] = 0.5


class Source(Section):
    """A folder of recordings and its layout."""

    root: FileName
    layout: Layout
    name: SourceName
    speakers_of: SourceName | None = None  # another source: ids of speakers and groups mean the same as there
    licence: Value | None = None  # of recordings whose table names none
    url: Value | None = None


class Corpus(Section):
    """The folders of the recordings and their layouts."""

    root: FileName = "artifacts/data/demo"
    layout: Layout = "folders"
    sources: Annotated[tuple[Source, ...], Field(strict=False, max_length=1000)] = ()  # instead of root and layout
    languages: Annotated[tuple[Language, ...], Field(strict=False, min_length=2, max_length=1000)] = DEMO_LANGUAGES
    licences: Annotated[tuple[Value, ...], Field(strict=False, max_length=100)] = ()  # allowed; none: any
    links: Annotated[tuple[FileName, ...], Field(strict=False, max_length=1000)] = ()  # folders beyond the roots
    reported: Annotated[tuple[Value, ...], Field(strict=False, max_length=100)] = ("different_language",)
    table: FileName | None = None
    columns: Annotated[dict[Column, Column], Field(max_length=20)] = {}
    labels: Annotated[dict[Annotated[int, Field(ge=0, le=1_000_000)], Language], Field(max_length=1000)] = dict(
        enumerate(DEMO_LANGUAGES)
    )
    speakers: Speakers = "table"
    speaker_table: FileName | None = "speakers.csv"
    speaker_pattern: Annotated[str, Field(max_length=1000)] | None = None
    checks: Checks = Checks()
    max_rejected: Annotated[float, Field(ge=0, le=1, description="share of the recordings")] = 0.05

    @field_validator("speaker_pattern")
    @classmethod
    def _has_speaker_group(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                groups = re.compile(pattern).groupindex
            except (re.error, OverflowError, RecursionError) as error:
                raise ValueError(f"{brief(pattern)} is not a regular expression: {shorten(str(error))}") from error
            if "speaker" not in groups:
                raise ValueError(f"{brief(pattern)} has no group (?P<speaker>...); write one around the speaker's name")
        return pattern and names.composed(pattern)

    @model_validator(mode="after")
    def _distinct_languages(self) -> Self:
        if len({name.casefold() for name in self.languages}) < len(self.languages):
            raise ValueError("languages are named twice; name each once")
        if taken := RESERVED & set(self.languages):
            raise ValueError(f"languages holds {min(taken)!r}, which is reserved for a column or class; rename it")
        if len({source.name.casefold() for source in self.sources}) < len(self.sources):
            raise ValueError("sources has two of one name; name each differently")
        own = [None, *(source.name for source in self.sources if source.speakers_of is None)]
        if wrong := [source.speakers_of for source in self.sources if source.speakers_of not in own]:
            raise ValueError(
                f"sources: speakers_of is {wrong[0]!r}; name another source, one of {own[1:]}, or leave it out"
            )
        if self.speakers == "pattern" and self.speaker_pattern is None:
            raise ValueError("speakers 'pattern' needs speaker_pattern; set it, or choose table, file or cluster")
        return self

    @classmethod
    def plain(cls, root: Path | str, layout: Layout, languages: Iterable[str], **changes: Any) -> Self:
        """Make the section for a single source with usual settings, checked like that of params.yaml."""
        listed = list(languages)
        usual = {"labels": dict(enumerate(listed)), "speaker_table": None, "max_rejected": 1.0}
        return cls.model_validate(usual | {"root": str(root), "layout": layout, "languages": listed} | changes)

    def places(self) -> tuple[Source, ...]:
        """Return the sources; if there are none, `root` and `layout` as one without a name."""
        return self.sources or (Source.model_construct(root=self.root, layout=self.layout, name=""),)

    @property
    def folders(self) -> str:
        """Roots of all sources, for messages."""
        return ", ".join(place.root for place in self.places())


class Audio(Section):
    """Format of every recording after ingest."""

    sample_rate: Annotated[int, Field(ge=8000, le=MAX_SAMPLE_RATE_HZ)] = 16000
    channels: Channels = "mix"
    min_duration: Annotated[float, Field(gt=0, le=3600, description="seconds")] = 0.5


class Detection(Section):
    """The rule that finds speech: threshold in percent of full scale, durations in seconds."""

    threshold: Annotated[float, Field(ge=1e-6, lt=100)] = 1.0
    min_speech: Seconds = 0.1
    min_silence: Seconds = 0.2
    pad: Seconds = 0.05


class Silence(Detection):
    """The rule that finds speech, and the policy for silence."""

    strategy: SilenceStrategy = "label"


class Mfcc(Section):
    """Arguments of librosa.feature.mfcc under their names there."""

    n_mfcc: Annotated[int, Field(ge=1, le=1024)] = 64
    n_fft: Annotated[int, Field(ge=2, le=16_384, multiple_of=2)] = 400  # at most a second at 16 kHz
    hop_length: Annotated[int, Field(ge=1, le=16_384)] = 160
    n_mels: Annotated[int, Field(ge=1, le=1024)] = 64
    fmin: Hertz = 0.0
    fmax: Annotated[float, Field(gt=0, le=MAX_SAMPLE_RATE_HZ / 2)] | None = None
    top_db: Annotated[float, Field(gt=0, le=300)] | None = None  # float32 levels span less

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc {self.n_mfcc} is more than n_mels {self.n_mels}; raise n_mels or lower n_mfcc")
        if self.hop_length > self.n_fft:
            raise ValueError(
                f"hop_length {self.hop_length} is more than n_fft {self.n_fft}, so samples between frames are lost"
            )
        if self.fmax is not None and self.fmax <= self.fmin:
            raise ValueError(f"fmax {self.fmax} is not above fmin {self.fmin}")
        return self


class Split(Section):
    """Division of the speakers among train, val and test."""

    method: SplitMethod = "hours"
    val: Share = 0.12
    test: Share = 0.2
    folds: Annotated[int, Field(ge=3, le=1000)] = 5
    fold: Annotated[int, Field(ge=0, le=999)] = 0
    stratify: Annotated[tuple[Column, ...], Field(strict=False, max_length=10)] = ()
    holdout: Annotated[dict[Column, Value | Values], Field(max_length=10)] = {}

    @property
    def held_languages(self) -> tuple[str, ...]:
        """The languages that `holdout` keeps out."""
        given = self.holdout.get("language", ())
        return (given,) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val} and test {self.test} leave nothing to train on; keep their sum below 1")
        if self.fold >= self.folds:
            raise ValueError(f"fold {self.fold} is not among {self.folds} folds; take one of 0 to {self.folds - 1}")
        return self


class Sequence(Section):
    """Sequences that training and validation recordings are cut into."""

    length: Annotated[int, Field(ge=1, le=10_000, description="frames, maximum")] = 300


class Balance(Section):
    """Balancing of the training classes."""

    strategy: BalanceStrategy = "class_weight"
    evenness: Annotated[float, Field(ge=0, le=1, description="0: by their frames, 1: speakers weigh the same")] = 0.5


class Augment(Section):
    """Random changes of training sequences, drawn up to these limits in dB; 0 is off, and null for noise and cutoff."""

    splice: Annotated[float, Field(ge=0, le=1, description="share of the sequences that go on as another")] = 1.0
    gain: Annotated[float, Field(ge=0, le=60)] = 10.0
    tilt: Annotated[float, Field(ge=0, le=60)] = 6.0
    equaliser: Annotated[float, Field(ge=0, le=30)] = 3.0
    noise: Annotated[float, Field(ge=-10, le=50, description="dB below the speech, at least")] | None = 20.0
    echo: Annotated[float, Field(ge=0, le=5, description="seconds, at most")] = 0.3
    warp: Annotated[float, Field(ge=0, le=0.5)] = 0.1
    cutoff: Annotated[float, Field(ge=500, le=MAX_SAMPLE_RATE_HZ / 2)] | None = 3400.0
    mask: Annotated[int, Field(ge=0, le=512, description="bands, at most")] = 8

    def active(self) -> tuple[str, ...]:
        """Return the names of the changes that are not switched off."""
        return tuple(name for name, value in self if value is not None and (value or name == "noise"))


class Decision(Section):
    """The decision for a language from the posteriors of all frames."""

    mean: Mean = "log"
    refuse: Annotated[float, Field(ge=0, lt=1, description="share of right answers that become unknown")] = 0.0
    turn: Annotated[float, Field(gt=0, le=3600, description="s, expected length of a turn in one language")] = 10.0


class Model(Section):
    """The recurrent network."""

    cepstra: Annotated[int, Field(ge=1, le=1024, description="MFCCs that it sees, from the first")] | None = 20
    cell: Cell = "gru"
    stride: Annotated[int, Field(ge=1, le=10, description="frames per step of a GRU; an LSTM steps at each")] = 1
    units: Annotated[tuple[Units, ...], Field(strict=False, min_length=1, max_length=MAX_LAYERS)] = (64, 32)
    dense: Annotated[tuple[Units, ...], Field(strict=False, max_length=MAX_LAYERS)] = (100,)
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.4
    noise: Annotated[float, Field(ge=0, le=1, description="deviation; Keras's GaussianNoise accepts no more")] = 0.5


class Train(Section):
    """Fitting of the network."""

    epochs: Epochs = 30
    frames: Annotated[float, Field(gt=0, le=1e6, description="millions of frames in all epochs, at most")] = 50.0
    batch_size: Annotated[int, Field(ge=1, le=4096)] = 64
    learning_rate: Annotated[float, Field(ge=1e-6, le=10)] = 0.004
    average: Annotated[float, Field(gt=0, lt=1, description="decay per batch of the averaged weights")] | None = 0.98
    smoothing: Annotated[float, Field(ge=0, lt=1, description="of the labels")] = 0.1
    utterance: Annotated[float, Field(ge=0, le=100, description="weight of the loss of whole sequences")] = 0.5
    memory: Annotated[float, Field(gt=0, le=1000, description="GB of sequences held at once while training")] = 1.0


class Export(Section):
    """Requirements on the exported networks."""

    streaming: bool = True
    tolerance: Annotated[float, Field(ge=1e-6, le=1, description="largest difference of a posterior")] = 0.0001


class Report(Section):
    """Personal data in the report."""

    audio: Annotated[bool, Field(description="recordings to listen to")] = True
    speakers: Annotated[bool, Field(description="names of speakers and recordings; otherwise numbers")] = True
