"""The language of a stream is that of the highest mean log posterior over its speech frames."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params
from pipeline.arrays import Posteriors
from pipeline.errors import ArgumentError
from pipeline.streaming.decision import UNKNOWN, Rule, RunningDecision, prior_of

LANGUAGES = ("a", "b")
CLASSES = (*LANGUAGES, "silence")


def array(*rows: list[float]) -> Posteriors:
    return np.array(rows, np.float32).reshape(-1, len(CLASSES))


def decided(rule: Rule, rows: Posteriors) -> RunningDecision:
    """The decision on frames 0, 1, ..."""
    decision = RunningDecision(CLASSES, LANGUAGES, rule)
    decision.accept(rows, np.arange(len(rows)))
    return decision


def test_a_decision_is_the_mean_log_posterior_over_the_languages() -> None:
    decision = decided(Rule(), array())
    assert (decision.language, decision.confidence, decision.frames) == (None, 0.0, 0)
    first = array([0.2, 0.1, 0.7], [0.3, 0.4, 0.3])
    decision.accept(first, np.array([3, 5]))
    mean = np.exp(np.log(first).mean(axis=0)) * [1, 1, 0]  # not the silence
    np.testing.assert_allclose(decision.posteriors, mean / mean.sum(), rtol=1e-6)
    assert (decision.language, decision.since) == ("a", 3)
    decision.accept(array([0.1, 0.8, 0.1], [0.5, 0.4, 0.1]), np.array([6, 9]))
    assert (decision.language, decision.since, decision.frames) == ("b", 6, 4)
    assert decision.confidence == decision.posteriors[1] == decision.posteriors.max()
    decision = decided(Rule(), array([0.0, 1.0, 0.0], *[[0.99, 0.01, 0.0]] * 6))
    assert (decision.language, decision.since) == ("a", 6)  # no single frame rules a language out


RULES = st.builds(Rule, mean=st.sampled_from(["log", "plain"]), prior=st.sampled_from([None, (0.9, 0.1), (0.3, 0.7)]))


@given(data=st.data(), n_frames=st.integers(0, 40), rule=RULES)
def test_a_decision_is_the_same_in_pieces_of_any_length(data: st.DataObject, n_frames: int, rule: Rule) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 999)))
    posteriors = rng.dirichlet(np.ones(3), n_frames).astype(np.float32)
    numbers = np.cumsum(rng.integers(1, 4, n_frames))
    whole, pieces = (RunningDecision(CLASSES, LANGUAGES, rule) for _ in range(2))
    whole.accept(posteriors, numbers)
    cuts = sorted(data.draw(st.lists(st.integers(0, n_frames))))
    for part in np.split(np.arange(n_frames), cuts):
        pieces.accept(posteriors[part], numbers[part])
    ends = [(one.leading, one.since, one.frames, one.changes) for one in (pieces, whole)]
    assert ends[0] == ends[1]
    np.testing.assert_allclose(pieces.posteriors, whole.posteriors, rtol=1e-9)


def test_a_decision_may_be_the_mean_posterior() -> None:
    rows = array([0.7, 0.2, 0.1], [0.01, 0.49, 0.5])
    decision = decided(Rule(mean="plain"), rows)
    mean = rows.mean(axis=0) * [1, 1, 0]
    np.testing.assert_allclose(decision.posteriors, mean / mean.sum(), rtol=1e-6)
    assert decision.language == "a"  # by the mean logarithm, it would be b


@given(st.floats(0.1, 10), st.sampled_from(["log", "plain"]))
def test_a_temperature_changes_the_confidence_alone(temperature: float, mean: params.Mean) -> None:
    rows = array([0.5, 0.3, 0.2], [0.4, 0.2, 0.4])
    plain, scaled = (decided(Rule(mean=mean, temperature=each), rows) for each in (1.0, temperature))
    odds = plain.posteriors ** (1 / temperature)
    np.testing.assert_allclose(scaled.posteriors, odds / odds.sum(), rtol=1e-6)
    assert scaled.language == plain.language


def test_an_answer_below_the_limit_is_unknown() -> None:
    decision = decided(Rule(unknown_below=0.6), array([0.55, 0.4, 0.05]))
    assert [decision.language, decision.leading] == [UNKNOWN, "a"]
    decision.accept(array(*[[0.95, 0.04, 0.01]] * 4), np.arange(1, 5))
    assert decision.language == "a"


@given(st.floats(0.01, 0.99), st.floats(0.2, 5), st.sampled_from(["log", "plain"]), st.integers(0, 999))
def test_a_prior_follows_bayes_rule(prior: float, temperature: float, mean: params.Mean, seed: int) -> None:
    rows = np.random.default_rng(seed).dirichlet(np.ones(3), 5).astype(np.float32)
    rule = Rule(mean=mean, temperature=temperature)
    plain, informed = decided(rule, rows), decided(rule.model_copy(update={"prior": (prior, 1 - prior)}), rows)
    odds = plain.posteriors * [prior, 1 - prior, 0]
    np.testing.assert_allclose(informed.posteriors, odds / odds.sum(), rtol=1e-6, atol=1e-12)
    assert informed.leading == LANGUAGES[int(informed.posteriors.argmax())]


def test_a_language_that_is_not_possible_is_never_the_answer() -> None:
    rule = Rule(prior=prior_of(["b"], LANGUAGES))
    decision = decided(rule, array([0.9, 0.05, 0.05], [1.0, 0.0, 0.0]))
    assert (decision.language, decision.confidence) == ("b", 1.0)
    assert "prior" not in rule.model_dump()  # it is not part of an export


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["c"], "the model does not know 'c'; it knows a, b"),
        ({"a": 0.7, "c": 0.3}, "the model does not know 'c'"),
        ({"a": 0.7, "b": 0.2}, "the prior is a=0.7, b=0.2; give probabilities that sum to 1"),
        ({"a": 1.5, "b": -0.5}, "sum to 1"),
        ({"a": float("nan")}, "sum to 1"),
        ([], "the prior is nothing"),
    ],
)
def test_a_prior_that_is_none_is_refused(given: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        prior_of(given, LANGUAGES)
