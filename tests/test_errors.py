"""Errors: one grammar for audio, one list of reason codes, and causes that survive pickling between processes."""

import pickle
import re
from pathlib import Path
from typing import get_args

import pytest

from pipeline.errors import AudioError, Reason

OF_STREAMS = {"closed", "finished", "loudspeaker", "microphone", "not_mono_float", "odd_bytes", "out_of_range"}


@pytest.mark.parametrize(("path", "sentence"), [(None, "is empty"), (Path("a b.wav"), "a b.wav is empty")])
def test_an_audio_error_is_the_same_in_another_process(path: Path | None, sentence: str) -> None:
    error = pickle.loads(pickle.dumps(AudioError("silent", "is empty", path)))
    assert isinstance(error, AudioError)
    assert (error.reason, error.detail, error.path, str(error)) == ("silent", "is empty", path, sentence)


def test_artifacts_readme_lists_the_reasons_of_rejected_recordings(project: Path) -> None:
    readme = (project / "artifacts" / "README.md").read_text()
    listed = re.search(r"`rejected\.csv` \| `path`, `reason`, `detail` \| reason: (.*) \|", readme)
    assert listed
    codes = re.sub(r" \([^)]*\)", "", listed[1]).split(", ")
    assert sorted(codes) == sorted(set(get_args(Reason)) - OF_STREAMS)


def test_every_reason_is_used(project: Path) -> None:
    files = sorted(path for path in (project / "pipeline").rglob("*.py") if path.name != "errors.py")
    code = "".join(path.read_text() for path in files)
    assert [reason for reason in get_args(Reason) if f'"{reason}"' not in code] == []
