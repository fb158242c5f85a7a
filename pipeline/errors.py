"""Exceptions by kind: a user's mistake, misuse of the library, a defect of this package.

The text of a user's mistake is the one sentence to read: what was given, where, what is allowed and what to do. Entry
points (the commands and the stages) print it without a traceback and exit with status 2. Anything else is a defect.
"""

from pathlib import Path
from typing import Literal

Reason = Literal[
    # before decoding
    "missing",
    "not_a_file",
    "name",
    "outside",
    "line",
    "no_language",
    "no_speaker",
    "times",
    "label",
    "program",
    # while decoding
    "unreadable",
    "truncated",
    "longer",
    "not_finite",
    "sample_rate",
    "too_short",
    "too_long",
    "silent",
    "channel",
    "segment",
    "killed",
    # after decoding
    "contradiction",
    # of a stream; never in ingest/rejected.csv
    "closed",
    "finished",
    "loudspeaker",
    "microphone",
    "not_mono_float",
    "odd_bytes",
    "out_of_range",
]
"""Every code for audio that can't be used. artifacts/README.md explains those of ingest/rejected.csv."""


class Defect(Exception):  # noqa: N818 (a plain noun tells it from a user's errors)
    """A defect of this package: please report it."""


class UserError(Exception):
    """Base of all errors that the user can fix.

    Examples
    --------
    >>> try:
    ...     raise ParameterError("split.val is 2, not below 1")
    ... except UserError as error:
    ...     print(f"error: {error}")
    error: split.val is 2, not below 1
    """


class ArgumentError(UserError, ValueError):
    """The library is called with a value that it does not accept."""


class ParameterError(UserError):
    """A key of params.yaml is missing, unknown or out of range."""


class CorpusError(UserError):
    """The corpus as a whole can't be used: empty, without speakers, too many bad recordings."""


class AudioError(UserError):
    """A recording or a stream of audio can't be used.

    Attributes
    ----------
    reason
        Code, as in ingest/rejected.csv.
    detail
        With a path, the predicate of a sentence about it, as in ingest/rejected.csv; without one, a whole sentence.
    path
        The recording, if it is known.
    """

    def __init__(self, reason: Reason, detail: str, path: Path | None = None) -> None:
        super().__init__(reason, detail, path)  # all arguments: worker processes send it back pickled
        self.reason: Reason = reason
        self.detail = detail
        self.path = path

    def __str__(self) -> str:
        return self.detail if self.path is None else f"{self.path} {self.detail}"


class ProgramError(UserError):
    """A program that this package calls is missing or fails."""


class ClusterError(UserError):
    """The Dask cluster is unreachable, runs other versions or sees other files."""


class ProjectError(UserError):
    """The project is not in a state in which experiments can run: no git, no commit, another run."""


class ArtifactError(UserError):
    """A file written by an earlier stage is missing, altered or of another version."""


class TrainingError(UserError):
    """Training diverged."""


class LeakageError(UserError):
    """Two splits share something, so scores would be too good."""


class ExportError(UserError):
    """An exported network differs from the trained one."""
