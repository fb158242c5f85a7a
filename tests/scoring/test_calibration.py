"""The calibration error is zero for honest confidences; the temperature makes them honest."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.scoring import calibration


def test_honest_confidences_have_no_error() -> None:
    rng = np.random.default_rng(0)
    confidences = rng.uniform(0.3, 1, 100_000)
    assert calibration.expected_error(confidences, rng.random(100_000) < confidences) < 0.01


def test_an_error_worked_out_by_hand() -> None:
    # Bin 0.6 to 0.7: mean confidence 0.65, one of two right. Bin 0.9 to 1: 0.95 and 1.0, both wrong.
    confidences, right = np.array([0.62, 0.68, 0.95, 1.0]), np.array([True, False, False, False])
    assert calibration.expected_error(confidences, right) == pytest.approx((0.3 + 1.95) / 4)


@given(st.floats(0.2, 5))
def test_the_temperature_is_found_again(temperature: float) -> None:
    rng = np.random.default_rng(1)
    honest = rng.dirichlet([1, 1, 1], 6000)
    targets = np.array([rng.choice(3, p=row) for row in honest])
    sharpened = calibration.tempered(honest, 1 / temperature)
    assert calibration.temperature(sharpened, targets) == pytest.approx(temperature, rel=0.12)


@given(st.floats(0.1, 10), st.integers(0, 99))
def test_a_temperature_changes_no_ranking(temperature: float, seed: int) -> None:
    posteriors = np.random.default_rng(seed).dirichlet([1, 1, 1], 20)
    scaled = calibration.tempered(posteriors, temperature)
    assert scaled.sum(axis=1) == pytest.approx(1)
    assert (scaled.argmax(axis=1) == posteriors.argmax(axis=1)).all()
