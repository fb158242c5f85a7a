"""streaming.json: everything about an exported network that its own file does not hold."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import PositiveInt, ValidationError

from pipeline import checksums, params
from pipeline.arrays import Flags
from pipeline.dataset import views
from pipeline.errors import ArtifactError
from pipeline.streaming.decision import Rule
from pipeline.streaming.timeline import Turns

DESCRIPTION = "streaming.json"
FRONT_END = "frontend.npz"
GOLDEN = "golden.npz"
EXPORT_REMEDY = "copy the whole folder, or run `dvc repro` to export again"


class Description(params.Section):
    """The content of streaming.json."""

    schema_version: Literal[7] = 7
    streaming: bool  # False if it was trained on features that can't be streamed
    languages: tuple[str, ...]
    classes: tuple[str, ...]
    sample_rate: PositiveInt
    mfcc: params.Mfcc
    conventions: dict[str, Any]  # fixed choices, for other implementations of the stream
    silence: params.Silence
    decision: Rule
    turns: Turns
    states: dict[str, PositiveInt]  # lengths by name
    weights: PositiveInt  # number of weights of the network
    latency_s: dict[str, float]
    tolerance: float  # largest allowed difference between the posteriors of a stream and of the offline stages

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.mfcc.hop_length / self.sample_rate

    @property
    def sees_all(self) -> bool:
        """True if the network sees every frame, speech or not."""
        return views.policy(self.silence.strategy).seen

    def seen(self, speech: Flags) -> Flags:
        """Flag the frames that the network sees, shape (frames,), given the flags of speech."""
        return speech | self.sees_all

    def write(self, folder: Path) -> None:
        """Write it into a folder."""
        (folder / DESCRIPTION).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read it from a folder.

        Raises
        ------
        ArtifactError
            If it is missing, altered or of another version.
        """
        path = folder / DESCRIPTION
        content = checksums.read(path, EXPORT_REMEDY)
        try:
            described = cls.model_validate_json(content)
            if described.model_dump(exclude_unset=True) != described.model_dump():
                raise ValueError("keys are missing")  # their defaults may differ from their values
        except ValueError as error:
            mistake = params.first_mistake(error) if isinstance(error, ValidationError) else error
            raise ArtifactError(
                f"{path} does not describe a model of this version ({mistake}); export again"
            ) from error
        return described
