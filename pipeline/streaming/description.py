"""streaming.json: everything about an exported network that its own file does not hold."""

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import PositiveInt, ValidationError

from pipeline import checksums, params
from pipeline.arrays import Flags
from pipeline.dataset import views
from pipeline.errors import ArtifactError
from pipeline.streaming.decision import Rule

DESCRIPTION = "streaming.json"
FRONT_END = "frontend.npz"
GOLDEN = "golden.npz"
EXPORT_REMEDY = "copy the whole folder or export again"


class Description(params.Section):
    """Everything about an exported network that its own file does not hold, as in streaming.json."""

    schema_version: Literal[4]
    streaming: bool  # false: it was trained on features that can't be streamed
    languages: tuple[str, ...]
    classes: tuple[str, ...]
    sample_rate: PositiveInt
    mfcc: params.Mfcc
    conventions: dict[str, Any]  # choices without a parameter, for other implementations of the stream
    silence: params.Silence
    decision: Rule
    states: dict[str, PositiveInt]  # names and lengths
    weights: PositiveInt  # number of them in the network
    latency_s: dict[str, float]
    tolerance: float  # largest difference allowed between a posterior of a stream and that of the offline stages

    @property
    def frame_s(self) -> float:
        """Seconds from one frame to the next."""
        return self.mfcc.hop_length / self.sample_rate

    def seen(self, speech: Flags) -> Flags:
        """Flag the frames that the network sees, shape (frames,), given the flags of speech."""
        return speech | self.sees_silence

    @property
    def sees_silence(self) -> bool:
        """True if the network sees every frame."""
        return views.policy(self.silence.strategy).seen

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
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ArtifactError(
                f"{path} can't be read ({error.strerror}); run `dvc repro` or name its folder"
            ) from error
        checksums.check(folder, [DESCRIPTION], EXPORT_REMEDY)
        try:
            described = cls.model_validate_json(content)
        except ValidationError as error:
            raise ArtifactError(
                f"{path} does not describe a model of this version ({params.first_mistake(error)}); export again"
            ) from error
        if described.model_dump(exclude_unset=True) != described.model_dump():  # a default may differ from its value
            raise ArtifactError(f"{path} does not describe a model of this version (keys are missing); export again")
        return described
