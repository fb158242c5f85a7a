"""What a user can get wrong, as exceptions whose text is the one sentence to read.

A message says what was given, where, what is allowed and what to do. Entry points (the commands and the stages)
print it without a traceback and exit with status 2; anything else that is raised is a defect of this package.
"""


class UserError(Exception):
    """Base of everything that the user can put right."""


class ArgumentError(UserError, ValueError):
    """The library is called with a value that it can't take."""


class ParameterError(UserError):
    """A key of params.yaml is missing, unknown or out of range."""


class CorpusError(UserError):
    """The corpus as a whole can't be used: empty, without speakers, too many bad recordings."""


class AudioError(UserError):
    """One recording can't be used. ``reason`` is the code that ingest/rejected.csv shows."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason

    def __reduce__(self) -> tuple[type["AudioError"], tuple[str, str]]:
        return type(self), (self.reason, str(self))  # worker processes send it back pickled


class ProgramError(UserError):
    """A program that this package calls is not installed."""


class ClusterError(UserError):
    """The Dask cluster that is to do the work is not there, or not what this process is."""


class ArtifactError(UserError):
    """A file written by an earlier stage is missing, altered or of another version."""


class DetectionError(UserError):
    """SoX and its rule disagree about a recording."""


class TrainingError(UserError):
    """Training went astray."""


class LeakageError(UserError):
    """Something ties two splits together, so scores would be too good."""


class ExportError(UserError):
    """An exported network does not answer as the trained one does."""
