"""The open set: sounds in no language, and how often they are called a known one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scoring import open_set, sounds
from pipeline.streaming.description import Description
from tests.scoring.conftest import Case, hand_made


@given(st.lists(st.floats(0.4, 0.99), min_size=1, max_size=60), st.lists(st.floats(0.3, 0.99), min_size=1, max_size=9))
def test_the_limit_gives_up_its_share_of_the_right_answers_and_the_unknown_are_counted_by_hand(
    description: Description, known: list[float], unknown: list[float]
) -> None:
    right = [hand_made(description, "english", 0, posterior=one) for one in known]
    wrong = [hand_made(description, "hindi", 0, posterior=0.35)]
    others = [hand_made(description, "tamil", 0, speaker=f"s{n}", posterior=one) for n, one in enumerate(unknown)]
    silent = hand_made(description, "hum", n_silent=3)
    found = open_set.summary([*right, *wrong], [*others, silent])
    assert found is not None
    limit = min(
        score.decision.confidence
        for score in right
        if sum(other.decision.confidence < score.decision.confidence for other in right) > 0.05 * len(right) - 1
    )
    assert found["below"] == pytest.approx(limit, abs=1e-6)
    tamil, hum = found["kinds"]["tamil"], found["kinds"]["hum"]
    assert (tamil["recordings"], tamil["called"]["share"]) == (len(unknown), 1)
    called = np.mean([score.decision.confidence >= limit for score in others])
    assert tamil["called_at_lost"]["share"] == pytest.approx(called, abs=1e-6)
    assert hum["called"]["share"] == hum["called_at_lost"]["share"] == 0  # no speech, no answer
    header, rows = open_set.table(found)
    assert [row[0] for row in rows] == ["tamil", "hum"]
    assert len(header) == len(rows[0])


def test_without_a_right_answer_there_is_no_limit(description: Description) -> None:
    assert open_set.summary([hand_made(description, "hindi", 0)], []) is None
    assert "not scored" in open_set.sentence(None)


def test_sounds_are_the_same_for_the_same_seed_loud_and_of_every_kind() -> None:
    voices = [np.random.default_rng(n).uniform(-1, 1, 9000).astype(np.float32) for n in range(3)]
    one, again, other = (list(sounds.synthesised(seed, 16000, voices)) for seed in (1, 1, 2))
    assert {kind for kind, _ in one} == {*sounds.KINDS, "babble"}
    for (kind, sound), (_, same), (_, differs) in zip(one, again, other, strict=True):
        assert np.array_equal(sound, same), kind
        assert not np.array_equal(sound, differs), kind
        assert len(sound) == sounds.SECONDS * 16000
        assert np.abs(sound).max() <= 1
        assert 0.6 * sounds.RMS < np.std(sound) < 1.01 * sounds.RMS, kind  # peaks may be clipped


def test_sounds_are_scored_as_streams_of_the_export(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sounds, "COUNT", 1)
    monkeypatch.setattr(sounds, "SECONDS", 1.0)
    identifier = case.identifier()
    scores = list(open_set.score_sounds(identifier, 0, []))
    assert [scored.row.language for scored in scores] == list(sounds.KINDS)
    for scored, (_, sound) in zip(scores, sounds.synthesised(0, identifier.description.sample_rate, []), strict=True):
        identifier.reset_states()
        identifier.accept(sound)
        identifier.finish()
        assert scored.decision.frames == identifier.decision.frames
        np.testing.assert_allclose(scored.decision.posteriors, identifier.decision.posteriors, atol=1e-6)
        assert scored.right == 0 or case.description.silence.strategy == "label"  # its silent frames may be right
