"""A measure that gives a language away is named, and nothing else is."""

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline.confounds import verdict
from pipeline.confounds.measures import ADVICE

LANGUAGES = ("english", "hindi", "mandarin")


def corpus(seed: int, speakers: int = 12, each: int = 4) -> tuple[dict[str, NDArray[np.float64]], list[str], list[str]]:
    """Measures that know nothing, languages and groups; every speaker has a level and a tilt."""
    rng = np.random.default_rng(seed)
    n_groups = 3 * speakers
    languages = [LANGUAGES[group % 3] for group in range(n_groups) for _ in range(each)]
    groups = [f"g{group}" for group in range(n_groups) for _ in range(each)]
    own = {name: np.repeat(rng.normal(size=n_groups), each) for name in ("level", "tilt", "noise floor")}
    noise = {name: rng.normal(size=len(languages)) for name in ("duration", "silence")}
    return {**own, **noise, "rate": np.full(len(languages), 16000.0)}, languages, groups


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_named_if_nothing_gives_a_language_away(seed: int) -> None:
    found = verdict.examine(*corpus(seed), seed=seed)
    assert found == verdict.examine(*corpus(seed), seed=seed)
    assert found["measures"] == found["unknown"] == []
    assert found["low"] < found["chance"] == pytest.approx(1 / 3, abs=1e-4)
    [sentence] = verdict.sentences(found)
    assert "as much" not in sentence


@pytest.mark.parametrize("seed", range(3))
def test_a_language_of_one_length_is_named_first(seed: int) -> None:
    measures, languages, groups = corpus(seed)
    measures["duration"][np.array(languages) == "hindi"] = 0.7
    found = verdict.examine(measures, languages, groups, seed=seed)
    first = found["measures"][0]
    assert (first["measure"], first["language"], first["advice"]) == ("duration", "hindi", ADVICE["duration"])
    assert first["score"] > 0.95
    assert found["low"] > found["chance"]
    assert {one["measure"] for one in found["measures"]} == {"duration"}
    assert "duration gives hindi away" in verdict.sentences(found)[1]


def test_what_only_tells_speakers_apart_is_not_named() -> None:
    measures, languages, groups = corpus(0)
    measures["level"] = np.unique(groups, return_inverse=True)[1].astype(np.float64)  # tells every speaker
    assert verdict.examine(measures, languages, groups, seed=1)["measures"] == []


def test_a_language_with_few_speakers_is_not_known() -> None:
    measures, languages, groups = corpus(0)
    few = [
        group if name != "hindi" else f"h{int(group[1:]) % 4}" for name, group in zip(languages, groups, strict=True)
    ]
    found = verdict.examine(measures, languages, few, seed=1)
    assert found["unknown"] == ["hindi"]
    assert found["chance"] == 0.5
    nothing = verdict.examine(measures, languages, ["g"] * len(languages), seed=1)
    assert (nothing["score"], nothing["unknown"]) == (None, list(LANGUAGES))
    assert len(verdict.sentences(nothing)) == 3
    alike = verdict.examine({"rate": np.full(len(languages), 8000.0)}, languages, groups, seed=1)
    assert (alike["score"], alike["measures"]) == (None, [])
