"""live.html: the page filled with a model, its front end and, if there is one, an example to try."""

import base64
import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline import checksums
from pipeline.audio.resample import MAX_RATE_HZ, MIN_RATE_HZ
from pipeline.errors import ArtifactError
from pipeline.page import program
from pipeline.report.page import from_template
from pipeline.streaming import timeline
from pipeline.streaming.decision import POSTERIOR_FLOOR, prior_of
from pipeline.streaming.description import EXPORT_REMEDY, FRONT_END, Description

NAME = "live.html"
SCHEMA = 7  # of streaming.json, as engine.js reads it


def render(
    folder: Path,
    languages: Mapping[str, float] | None = None,
    example: str = "",
    score: str = "",
    synthetic: bool = False,
    link: str = "",
) -> str:
    """Return the page of an exported model.

    Parameters
    ----------
    folder
        Written by the stage export.
    languages
        Prior of each possible language; None: all the same.
    example
        A recording to try, as MP3 in base64.
    score, synthetic
        How many test recordings it recognises, in words; True if all voices that it knows are synthetic.
    link
        Page of the results.

    Raises
    ------
    ArtifactError
        If a file is missing or altered, the model can't stream, or it has something that the page does not know.
    ArgumentError
        If a language is unknown, or the priors do not sum to 1.
    """
    text = model(folder, languages).replace("<", "\\u003c")  # no name can end the element
    description = Description.read(folder)
    return from_template(
        "live.html.j2",
        "pipeline.page",
        model=text,
        digest=hashlib.sha256(text.encode()).hexdigest(),
        description=description,
        possible=[name for name in description.languages if languages is None or languages.get(name)],
        export=checksums.version(folder),
        example=example,
        score=score,
        synthetic=synthetic,
        link=link,
    )


def model(folder: Path, languages: Mapping[str, float] | None = None) -> str:
    """Return everything that the engine takes as JSON: description, constants, steps, and arrays in base64."""
    description = Description.read(folder)
    if description.schema_version != SCHEMA:
        raise ArtifactError(
            f"{folder} has schema {description.schema_version}, the page knows {SCHEMA}: export it again and "
            "write the page with one version of this package"
        )
    if not description.streaming:
        raise ArtifactError(f"the model in {folder} can't stream (export.streaming is false), so no page can run it")
    checksums.check(folder, [FRONT_END], EXPORT_REMEDY)
    with np.load(folder / FRONT_END, allow_pickle=False) as front_end:
        arrays = {name: front_end[name] for name in front_end.files}
    steps, weights = program.read(folder)
    prior = prior_of(languages, description.languages) if languages is not None else None
    return json.dumps(
        {
            "description": description.model_dump() | {"prior": prior},
            "constants": {
                "seen": description.sees_all,
                "posterior_floor": POSTERIOR_FLOOR,
                "unlikely": timeline.UNLIKELY,
                "kept": timeline.KEPT,
                "rates": (MIN_RATE_HZ, MAX_RATE_HZ),
            },
            "steps": steps,
            "arrays": {name: _base64(array) for name, array in (arrays | weights).items()},
        }
    )


def _base64(array: NDArray[np.float32]) -> str:
    return base64.b64encode(array.astype("<f4").tobytes()).decode("ascii")
