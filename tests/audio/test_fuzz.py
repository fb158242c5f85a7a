"""No mutation of a file of any format crashes or stops the process that decodes it, or fills its memory.

Over all formats, more than 5,000 mutations. A file that crashed its process anyway would be rejected as `killed`, which
tests/cluster and tests/end_to_end show.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.errors import Reason
from tests.audio.fuzz import ENDINGS

ROOT = Path(__file__).parents[2]
MUTATIONS = 200  # of each format
PEAK_BYTES = 700e6


def test_there_are_enough() -> None:
    assert MUTATIONS * len(ENDINGS) > 5000


@pytest.mark.slow
@pytest.mark.parametrize("ending", ENDINGS)
def test_mutations_are_decoded_or_rejected(tmp_path: Path, ending: str) -> None:
    words = [ending, str(MUTATIONS), "1", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, "-m", "tests.audio.fuzz", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.returncode} {done.stderr[-3000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    assert sum(found["met"].values()) == MUTATIONS
    assert set(found["met"]) - {"decoded"} <= set(Reason.__args__)  # type: ignore[attr-defined]
    assert found["peak"] < PEAK_BYTES
