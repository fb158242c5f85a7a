"""The diagnosis of a failed experiment from its output."""

import pytest

from pipeline.ablation.schedule import diagnose

CACHED = "Stage 'split' is cached - skipping run, checking out outputs\n"
END = "ERROR: failed to reproduce 'train': failed to run: python -m stages.train, exited with 2\n"


@pytest.mark.parametrize(
    ("output", "found"),
    [
        (
            "Reproducing experiment 'x'\nRunning stage 'corpus':\n> python -m stages.corpus\n289 files\n\n"
            f"{CACHED}Running stage 'train':\n> python -m stages.train\nerror: the loss is not finite; lower it\n{END}",
            "stage train failed: the loss is not finite; lower it",
        ),
        (
            f"Running stage 'train':\n> python\nTraceback (most recent call last):\n  x\nKeyError: 'a'\n{END}",
            "stage train failed: KeyError: 'a'",
        ),
        (
            "error: of an earlier one\nRunning stage 'a':\n> python\nRunning stage 'b':\n> python\nbad\n",
            "stage b failed: bad",
        ),
        ("ERROR: 'stages.x' does not exist.\n", "stage none failed: 'stages.x' does not exist"),
        ("", "stage none failed: it printed nothing"),
    ],
)
def test_the_last_stage_and_its_error(output: str, found: str) -> None:
    assert diagnose(output) == found
