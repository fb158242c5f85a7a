"""streaming.json is read as it was written, or refused in one sentence."""

from pathlib import Path

import pytest

from pipeline import checksums
from pipeline.errors import ArtifactError
from pipeline.streaming.description import Description


def test_a_description_round_trips(masked: Path, tmp_path: Path) -> None:
    description = Description.read(masked)
    description.write(tmp_path)
    checksums.seal(tmp_path)
    assert Description.read(tmp_path) == description
    assert (tmp_path / "streaming.json").read_bytes() == (masked / "streaming.json").read_bytes()
    assert description.frame_s == 0.01  # 160 samples at 16 kHz
    with pytest.raises(ArtifactError, match=r"streaming\.json can't be read \(No such file or directory\)"):
        Description.read(tmp_path / "elsewhere")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"schema_version": 4', '"schema_version": 7', "schema_version is 7 but should be 4"),
        ('"sample_rate": 16000', '"sample_rate": 0', "sample_rate is 0 but"),
        ('"tolerance"', '"toleranz"', "toleran"),
        ('"n_fft": 400,', "", "keys are missing"),
    ],
)
def test_another_schema_is_refused(masked: Path, tmp_path: Path, old: str, new: str, said: str) -> None:
    text = (masked / "streaming.json").read_text()
    assert old in text
    (tmp_path / "streaming.json").write_text(text.replace(old, new))
    checksums.seal(tmp_path)
    with pytest.raises(ArtifactError, match=rf"does not describe a model of this version \([^\n]*{said}[^\n]*$"):
        Description.read(tmp_path)
