"""params.yaml as frozen, validated values: one class a section; everything downstream trusts them.

`load` reads and checks the whole file, so that a mistake in any section stops the first stage that runs.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    field_validator,
    model_validator,
)

from pipeline.errors import ParameterError

Share = Annotated[float, Field(gt=0, lt=1)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]  # what NumPy and Keras take
RESERVED = {
    "silence",
    "undecided",
    "path",
    "recording",
    "frame",
    "time_s",
    "speech",
    "language",
    "predicted",
    "confidence",
}
Strategy = Literal["none", "remove", "mask", "label"]


class Section(BaseModel):
    """A section of params.yaml: unknown keys are mistakes, values never change, infinity and NaN are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Demo(Section):
    """The corpus that espeak-ng speaks."""

    minutes: Annotated[float, Field(ge=1)]
    voices: Annotated[int, Field(ge=3, description="voices a language")]
    seed: Seed


class Corpus(Section):
    """Where the recordings are and how they are laid out."""

    root: str
    layout: Literal["folders", "table"]
    languages: Annotated[tuple[Annotated[str, Field(pattern=r"^\w+$")], ...], Field(min_length=2)]
    speaker_table: str | None
    speaker_pattern: str | None
    max_rejected: Annotated[float, Field(ge=0, le=1, description="share of the recordings")]

    @field_validator("speaker_pattern")
    @classmethod
    def _names_the_speaker(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                groups = re.compile(pattern).groupindex
            except re.error as error:
                raise ValueError(f"{pattern!r} is not a regular expression: {error}") from None
            if "speaker" not in groups:
                raise ValueError(f"{pattern!r} has no group (?P<speaker>...); write one around the speaker's name")
        return pattern

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.languages)) < len(self.languages):
            raise ValueError("languages are named twice; name each once")
        if taken := RESERVED & set(self.languages):
            raise ValueError(f"languages holds {min(taken)!r}, which is taken for a column or class; rename it")
        return self


class Audio(Section):
    """What every recording becomes."""

    sample_rate: Annotated[int, Field(ge=8000, le=48000)]
    min_duration: Annotated[PositiveFloat, Field(description="seconds")]


class Detection(Section):
    """What SoX calls speech: threshold in percent of full scale, durations in seconds."""

    threshold: Annotated[float, Field(ge=1e-6, lt=100)]
    min_speech: NonNegativeFloat
    min_silence: NonNegativeFloat
    pad: NonNegativeFloat


class Silence(Detection):
    """The same, and what becomes of the rest."""

    strategy: Strategy


class Mfcc(Section):
    """Arguments of librosa.feature.mfcc under librosa's names."""

    n_mfcc: PositiveInt
    n_fft: Annotated[int, Field(ge=2, multiple_of=2)]
    hop_length: PositiveInt
    n_mels: PositiveInt
    fmin: NonNegativeFloat
    fmax: PositiveFloat | None
    top_db: PositiveFloat | None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.n_mfcc > self.n_mels:
            raise ValueError(f"n_mfcc {self.n_mfcc} is more than n_mels {self.n_mels}; raise n_mels or lower n_mfcc")
        if self.hop_length > self.n_fft:
            raise ValueError(
                f"hop_length {self.hop_length} is more than n_fft {self.n_fft}, so samples between are lost"
            )
        if self.fmax is not None and self.fmax <= self.fmin:
            raise ValueError(f"fmax {self.fmax} is not above fmin {self.fmin}")
        return self


class Split(Section):
    """How speakers are dealt to train, val and test."""

    method: Literal["hours"]
    val: Share
    test: Share

    @model_validator(mode="after")
    def _leaves_train(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError(f"val {self.val} and test {self.test} leave nothing to train on; keep their sum below 1")
        return self


class Sequence(Section):
    """How training and validation recordings are cut."""

    length: Annotated[int, Field(ge=1, le=10_000, description="frames at most")]


class Balance(Section):
    """What evens out the training classes."""

    strategy: Literal["none", "class_weight", "undersample", "oversample", "ensemble"]


class Model(Section):
    """The recurrent network."""

    cell: Literal["gru", "lstm"]
    units: Annotated[tuple[PositiveInt, ...], Field(min_length=1)]
    dense: tuple[PositiveInt, ...]
    dropout: Annotated[float, Field(ge=0, lt=1)]
    noise: Annotated[NonNegativeFloat, Field(description="deviation, of normalised MFCCs, while training")]


class Train(Section):
    """How it is fitted."""

    epochs: PositiveInt
    batch_size: PositiveInt
    learning_rate: PositiveFloat
    patience: Annotated[PositiveInt, Field(description="epochs without a better validation loss")]
    memory: Annotated[PositiveFloat, Field(description="GB of sequences held at once while training")]


class Export(Section):
    """What the exported networks are held to."""

    streaming: bool
    tolerance: Annotated[PositiveFloat, Field(description="largest difference of a posterior")]


class Params(Section):
    """The whole of params.yaml."""

    seed: Seed
    demo: Demo
    corpus: Corpus
    audio: Audio
    silence: Silence
    mfcc: Mfcc
    split: Split
    sequence: Sequence
    balance: Balance
    model: Model
    train: Train
    export: Export

    @model_validator(mode="after")
    def _possible(self) -> Self:
        if self.export.streaming and self.mfcc.top_db is not None:
            raise ValueError(
                f"mfcc.top_db {self.mfcc.top_db} clips against the loudest frame of a whole recording, which no stream "
                "can know; set it to null, or export.streaming to false"
            )
        nyquist = self.audio.sample_rate / 2
        if self.mfcc.fmax is not None and self.mfcc.fmax > nyquist:
            raise ValueError(f"mfcc.fmax {self.mfcc.fmax} is above half of audio.sample_rate, {nyquist}; lower it")
        return self


def load(path: Path) -> Params:
    """Read and check a params.yaml.

    Raises
    ------
    ParameterError
        Naming the key, the value and what is allowed, of the first thing that is wrong.
    """
    try:
        tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ParameterError(
            f"{path} can't be read ({error.strerror}); run this from the folder that holds it"
        ) from None
    except (yaml.YAMLError, ValueError) as error:
        raise ParameterError(f"{path} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(tree, dict):
        raise ParameterError(f"{path} holds no sections; write `section:` with its keys below it")
    try:
        return Params.model_validate(tree)
    except ValidationError as error:
        raise ParameterError(" ".join(f"{path}: {sentence(error)}".split())) from None


def sentence(error: ValidationError) -> str:
    first: Any = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "the whole"
    message = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
    match first["type"]:
        case "missing":
            return f"{key} is missing; write it; docs/parameters.md says what it means"
        case "extra_forbidden":
            return f"{key} is no parameter; remove it or mend its spelling"
        case "value_error":
            return f"{key}: {message}"
        case _:
            return f"{key} is {first['input']!r} but {message}"
