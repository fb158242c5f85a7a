"""The whole of params.yaml: its sections, the rules that join them, and the functions that load it.

`load` reads and checks the whole file, so that a mistake in any section stops the first stage that runs.
"""

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from pydantic import ValidationError, model_validator

from pipeline.console.text import brief
from pipeline.errors import ParameterError
from pipeline.params import plain_yaml, sections
from pipeline.params.mistakes import first_mistake

REMOVED: dict[str, object] = {
    "audit.on_leak": "fail",
    "balance.cap": None,
    "model.cmvn": "none",
    "model.cmvn_frames": 300,
    "model.deltas": 0,
    "silence.automatic_gain": False,
    "split.unit": "speaker",
    "train.patience": 5,
    "train.schedule": "cosine",
}
"""Parameters that are gone, with the value that is now built in: an older file may still hold that."""


class Params(sections.Section):
    """The whole of params.yaml.

    Examples
    --------
    >>> settings = load(Path("params.yaml"))
    >>> settings.audio.sample_rate
    16000
    """

    seed: sections.Seed = 42
    demo: sections.Demo = sections.Demo()
    corpus: sections.Corpus = sections.Corpus()
    audio: sections.Audio = sections.Audio()
    silence: sections.Silence = sections.Silence()
    mfcc: sections.Mfcc = sections.Mfcc()
    split: sections.Split = sections.Split()
    sequence: sections.Sequence = sections.Sequence()
    balance: sections.Balance = sections.Balance()
    augment: sections.Augment = sections.Augment()
    model: sections.Model = sections.Model()
    train: sections.Train = sections.Train()
    decision: sections.Decision = sections.Decision()
    export: sections.Export = sections.Export()
    report: sections.Report = sections.Report()

    @property
    def trained_languages(self) -> tuple[str, ...]:
        """The languages of the network: `corpus.languages` without those that `split.holdout` keeps out."""
        return tuple(name for name in self.corpus.languages if name not in self.split.held_languages)

    @model_validator(mode="after")
    def _sections_agree(self) -> Self:
        if unknown := [name for name in self.split.held_languages if name not in self.corpus.languages]:
            known = ", ".join(self.corpus.languages)
            raise ValueError(f"split.holdout keeps language {brief(unknown[0])} out; corpus.languages has {known}")
        if len(self.trained_languages) < 2:
            raise ValueError("split.holdout leaves fewer than two languages to train on; keep fewer out")
        if self.export.streaming and self.mfcc.top_db is not None:
            raise ValueError(
                f"mfcc.top_db {self.mfcc.top_db} clips against the loudest frame of a whole recording, which no stream "
                "can know; set it to null, or export.streaming to false"
            )
        mfcc, nyquist = self.mfcc, self.audio.sample_rate / 2
        if mfcc.fmax is not None and mfcc.fmax > nyquist:
            raise ValueError(f"mfcc.fmax {mfcc.fmax} is above half of audio.sample_rate, {nyquist}; lower it")
        if mfcc.fmin >= nyquist:
            raise ValueError(f"mfcc.fmin {mfcc.fmin} is not below half of audio.sample_rate, {nyquist}; lower it")
        if band := _empty_filter(mfcc, self.audio.sample_rate):
            raise ValueError(
                f"mfcc.n_mels {mfcc.n_mels}: the filter from {band[0]:.1f} to {band[1]:.1f} Hz holds no frequency of "
                f"the spectrum (mfcc.n_fft {mfcc.n_fft}, audio.sample_rate {self.audio.sample_rate}); lower n_mels, "
                "raise n_fft or widen fmin to fmax"
            )
        return self


def _empty_filter(mfcc: sections.Mfcc, sample_rate: int) -> tuple[float, float] | None:
    """Return the edges in Hz of the first mel filter that holds no frequency of the spectrum, or None.

    The output of such a filter would be constant. The edges are those of `librosa.filters.mel` with htk=False (Slaney,
    Auditory Toolbox, 1998); importing librosa would take a second at the start of every stage.
    """
    low, high = (
        hertz * 3 / 200 if hertz < 1000 else 15 + 27 * math.log(hertz / 1000, 6.4)
        for hertz in (mfcc.fmin, mfcc.fmax or sample_rate / 2)
    )
    mels = [low + (high - low) * index / (mfcc.n_mels + 1) for index in range(mfcc.n_mels + 2)]
    edges = [mel * 200 / 3 if mel < 15 else 1000 * 6.4 ** ((mel - 15) / 27) for mel in mels]
    spacing = sample_rate / mfcc.n_fft
    bands = zip(edges, edges[2:], strict=False)
    return next(
        ((lower, upper) for lower, upper in bands if (math.floor(lower / spacing) + 1) * spacing >= upper), None
    )


def load(path: Path) -> Params:
    """Read and check a params.yaml.

    Raises
    ------
    ParameterError
        Naming the key, the value and the allowed values of the first mistake.
    """
    return check(plain_yaml.read(path), str(path))


def check(tree: object, origin: str) -> Params:
    """Check the content of a params.yaml; `origin` begins the message of a ParameterError."""
    if not isinstance(tree, dict):
        raise ParameterError(f"{origin} holds no sections; write `section:` with its keys below it")
    try:
        return Params.model_validate(_without_removed(tree, origin))
    except ValidationError as error:
        raise ParameterError(" ".join(f"{origin}: {first_mistake(error)}".split())) from error


def _without_removed(tree: dict[str, Any], origin: str) -> dict[str, Any]:
    """Leave out parameters that are gone; ParameterError if one has a value that used to change something."""
    kept = {name: dict(section) if isinstance(section, dict) else section for name, section in tree.items()}
    for key, off in REMOVED.items():
        name, _, leaf = key.partition(".")
        section = kept.get(name)
        if isinstance(section, dict) and leaf in section:
            if section.pop(leaf) != off:
                raise ParameterError(f"{origin}: {key} is gone; remove it")
            if not section and name not in Params.model_fields:
                del kept[name]
    return kept


def all_leaves(settings: Params) -> tuple[str, ...]:
    """Return the full names of all parameters, such as `mfcc.n_mfcc`, in the order of the file."""
    return tuple(
        leaf
        for name, value in settings
        for leaf in ([f"{name}.{key}" for key, _ in value] if isinstance(value, sections.Section) else [name])
    )


def only(settings: Params, leaves: Iterable[str]) -> Params:
    """Return the given sections and leaves alone: reading any other parameter is an AttributeError, a defect.

    A stage reads those that dvc.yaml lists.
    """
    given, limited = [leaf.partition(".") for leaf in leaves], settings.model_copy()
    for name, section in settings:
        keys = {key for of, _, key in given if of == name}
        if not keys:
            del vars(limited)[name]
        elif "" not in keys:
            vars(limited)[name] = section.model_copy()
            for key, _ in section:
                if key not in keys:
                    del vars(vars(limited)[name])[key]
    return limited
