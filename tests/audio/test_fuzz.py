"""No mutation of a file of any format crashes or stops the process that decodes it, or fills its memory.

With `--hypothesis-profile=thorough`, more than 25,000 mutations, others each time. A file that crashed its process
anyway would be rejected as `killed`, which tests/cluster and tests/end_to_end show.
"""

import json
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from pipeline.errors import Reason
from tests.audio.fuzz import ENDINGS

ROOT = Path(__file__).parents[2]
PEAK_BYTES = 700e6


@pytest.mark.slow
@pytest.mark.parametrize("first", range(4))
def test_mutations_are_decoded_or_rejected(tmp_path: Path, first: int) -> None:
    budget: Any = settings.default
    seed = 1 if budget.derandomize else secrets.randbits(32)
    endings = ENDINGS[first::4]
    words = [str(budget.max_examples), str(seed), str(tmp_path), *endings]
    done = subprocess.run(
        [sys.executable, "-m", "tests.audio.fuzz", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{words}: {done.returncode} {done.stderr[-3000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    assert sum(found["met"].values()) == budget.max_examples * len(endings)
    assert set(found["met"]) - {"decoded"} <= set(Reason.__args__)  # type: ignore[attr-defined]
    assert found["peak"] < PEAK_BYTES
