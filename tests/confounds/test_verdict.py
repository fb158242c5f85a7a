"""Measures of known sounds; a measure that gives a language away is named, and nothing else is."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from pipeline import params
from pipeline.confounds import measures, verdict
from pipeline.confounds.measures import ADVICE
from pipeline.mfcc.kernel import make_kernel
from pipeline.mfcc.recording import whole
from tests.splits.rows import recording
from tests.stores import build

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
    few = [f"h{int(who[1:]) % 4}" if name == "hindi" else who for name, who in zip(languages, groups, strict=True)]
    found = verdict.examine(measures, languages, few, seed=1)
    assert found["unknown"] == ["hindi"]
    assert found["chance"] == 0.5
    nothing = verdict.examine(measures, languages, ["g"] * len(languages), seed=1)
    assert (nothing["score"], nothing["unknown"]) == (None, list(LANGUAGES))
    assert len(verdict.sentences(nothing)) == 3
    alike = verdict.examine({"rate": np.full(len(languages), 8000.0)}, languages, groups, seed=1)
    assert (alike["score"], alike["measures"]) == (None, [])


def test_a_cue_of_the_source_is_told_apart_from_a_cue_of_the_language() -> None:
    measures, languages, groups = corpus(0, speakers=30)
    sources = [f"{name}-{int(who[1:]) // 3 % 5}" for name, who in zip(languages, groups, strict=True)]
    measures["level"] = np.unique(sources, return_inverse=True)[1] % 7 + np.random.default_rng(1).normal(
        0, 0.1, len(sources)
    )
    found = verdict.examine(measures, languages, groups, seed=1)
    found["sources"] = verdict.examine_sources(measures, languages, groups, sources, seed=1)
    assert found["sources"]["source"]["low"] > 3 * found["sources"]["source"]["chance"]
    assert found["sources"]["language"]["low"] < found["sources"]["language"]["chance"]
    assert "and not the language: on new sources" in " ".join(verdict.sentences(found))
    measures["duration"][np.array(languages) == "hindi"] = 0.7
    both = verdict.examine_sources(measures, languages, groups, sources, seed=1) or {}
    assert both["language"]["low"] > both["language"]["chance"]
    assert verdict.examine_sources(measures, languages, groups, languages, seed=1) is None  # one source per language


RATE = 16000
MFCC = params.Mfcc(n_mfcc=64, n_fft=400, hop_length=160, n_mels=64, fmin=0.0, fmax=None, top_db=None)
KERNEL = make_kernel(MFCC, RATE)


def of(waveform: NDArray[np.float64]) -> tuple[float, float, float]:
    return measures.of_spectrum(whole(KERNEL, np.rint(waveform * 8000).clip(-32768, 32767).astype(np.int16)))


def test_gain_pauses_and_a_low_pass_change_floor_tilt_and_bandwidth() -> None:
    from scipy.signal import firwin, lfilter

    noise = np.random.default_rng(0).normal(0, 0.5, 2 * RATE)
    plain, soft = of(noise), of(0.1 * noise)
    assert np.subtract(plain, soft) == pytest.approx([20, 0, 0], abs=0.2)
    pauses = np.where(np.arange(2 * RATE) < RATE // 2, 0.01, 1)
    assert plain[0] - of(noise * pauses)[0] == pytest.approx(40, abs=3)
    narrow = of(lfilter(firwin(301, 3000, fs=RATE), 1, noise))
    assert narrow[1] < plain[1]
    assert narrow[2] < plain[2] == 63


def test_measures_do_not_depend_on_the_blocks_that_they_are_read_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng, lengths = np.random.default_rng(1), [700, 30, 0, 1200, 5, 90]
    names = [f"r{number}" for number in range(len(lengths))]
    features, speech = rng.normal(size=(sum(lengths), 13)).astype(np.float32), rng.random(sum(lengths)) < 0.7
    store = build(tmp_path / "f.zarr", names, ["a"] * 6, ["s"] * 6, lengths, features, speech)
    rows = [recording(number, "a", "s") for number in (4, 0, 3, 1, 2)]  # not all, and in another order
    whole_blocks = measures.measure(rows, store)
    for block_rows in (1, 800):
        monkeypatch.setattr(measures, "BLOCK_ROWS", block_rows)
        for name, values in measures.measure(rows, store).items():
            np.testing.assert_array_equal(values, whole_blocks[name])
    assert whole_blocks["silence"][1] == pytest.approx(1 - speech[:700].mean())
    np.testing.assert_allclose(whole_blocks["tilt"][2], measures.of_spectrum(features[1080:1580])[1], rtol=1e-5)


def test_of_many_recordings_some_are_chosen_at_random_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [recording(number, "english", "ann") for number in range(10, 30)]
    assert measures.sample(rows, 1) is rows
    monkeypatch.setattr(measures, "MEASURED", 8)
    chosen = [row.recording for row in measures.sample(rows, 1)]
    assert chosen == sorted(set(chosen)) == [row.recording for row in measures.sample(rows, 1)]
    assert len(chosen) == 8
    assert chosen != [row.recording for row in measures.sample(rows, 2)]
