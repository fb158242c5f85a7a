"""streaming.json: all that an exported network's own file does not say."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import PositiveInt, ValidationError

from pipeline import checksums, params
from pipeline.errors import ArtifactError
from pipeline.streaming.runtimes import REMEDY

DESCRIPTION = "streaming.json"
FRONT_END = "frontend.npz"
GOLDEN = "golden.npz"


class Description(params.Section):
    """streaming.json: all that the exported network's own file does not say."""

    schema_version: Literal[2]
    streaming: bool  # false: what it was trained on can't be streamed
    languages: tuple[str, ...]
    classes: tuple[str, ...]
    sample_rate: PositiveInt
    mfcc: params.Mfcc
    conventions: dict[str, Any]  # what the parameters do not say
    silence: params.Silence
    states: dict[str, PositiveInt]
    latency_s: dict[str, float]
    tolerance: float  # largest difference of a posterior that a copy may show

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        (folder / DESCRIPTION).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it from a folder; ArtifactError if it is missing, altered or of another version."""
        path = folder / DESCRIPTION
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArtifactError(
                f"{path} can't be read ({error.strerror}); run `dvc repro` or name its folder"
            ) from None
        checksums.check(folder, [DESCRIPTION], REMEDY)
        try:
            return cls.model_validate_json(content)
        except ValidationError as error:
            raise ArtifactError(
                f"{path} is not an exported model's of this version ({params.sentence(error)}); export again"
            ) from None
