"""features.zarr, open for reading: whole recordings by id, or a selection in the form that another library expects."""

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from pipeline import tables
from pipeline.arrays import Features, Flags
from pipeline.console.text import brief
from pipeline.dataset import views
from pipeline.errors import ArgumentError, ArtifactError
from pipeline.params import SilenceStrategy
from pipeline.rows import SequenceRow, SplitRow
from pipeline.shards.reader import RowReader
from pipeline.store.items import ITEM
from pipeline.store.selection import Selection

Csv = Path | str | None
Names = str | Iterable[str] | None  # one or several


class FeatureStore(RowReader):
    """The features of all recordings, as the stage `features` writes them.

    `FeatureStore.open(path)` opens it, and `FeatureStore.at(repo, rev)` that of a DVC repository. Everything that is
    read is checked; damage raises an ArtifactError.

    Attributes
    ----------
    source
        Place of the store.
    ids, languages, speakers
        One string per recording, in the order of the store.
    starts, lengths
        int64, shape (recordings,): rows starts[i]:starts[i]+lengths[i] belong to recording i.
    attributes
        Attributes of the store: the parameters, the versions of the libraries and the checksums.
    failed
        Ids of the recordings that could not be computed: some of their frames are NaN.
    mfcc
        The whole array, on disk, shape (rows, n_mfcc).

    Examples
    --------
    A store of two recordings, written by hand:

    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from pipeline.shards import writer
    >>> from pipeline.store import FeatureStore
    >>> folder = tempfile.TemporaryDirectory()
    >>> path = Path(folder.name) / "features.zarr"
    >>> mfcc, speech = np.ones((5, 13), np.float32), np.array([False, True, True, True, False])
    >>> writer.create(path, ["a", "b"], ["english", "hindi"], ["ann", "bea"], [0, 3], [3, 2], n_mfcc=13, attributes={})
    >>> writer.write(path, "mfcc", 0, [mfcc])
    >>> writer.write(path, "speech", 0, [speech])

    >>> store = FeatureStore.open(path)
    >>> store.languages, store.features("a").shape, store.flags("b").tolist()
    (['english', 'hindi'], (3, 13), [True, False])
    >>> selection = store.select().view("mask", languages=["hindi", "english"])
    >>> features, targets, weights = selection[0]
    >>> features.shape, targets.tolist(), weights.tolist()
    ((3, 13), [1, 1, 1], [0.0, 1.0, 1.0])
    >>> selection.view("remove").numpy().features.shape, selection[1:].dask().shape
    ((3, 13), (2, 13))
    >>> folder.cleanup()
    """

    @functools.cached_property
    def _index(self) -> dict[str, int]:
        return {recording: index for index, recording in enumerate(self.ids)}

    @classmethod
    def at(cls, repo: Path | str, rev: str = "HEAD", path: str = "artifacts/features.zarr") -> Self:
        """Open the store of a DVC repository at a git revision; only what is read comes from its cache or remote.

        Parameters
        ----------
        repo
            Path or git URL.
        rev
            A commit, branch or tag.
        path
            Path of the store in the repository.

        Raises
        ------
        ArgumentError
            If there is no such repository, revision or store.
        ArtifactError
            As for `open`.
        """
        from pipeline.store import revisions

        return cls.open(revisions.source(str(repo), rev, path))

    def select(
        self, *, split: Csv = None, manifest: Csv = None, language: Names = None, speaker: Names = None
    ) -> Selection:
        """Select recordings, or sequences of a manifest; each is read lazily.

        Recordings that could not be computed are left out.

        Parameters
        ----------
        split
            A splits/NAME.csv: select its recordings only.
        manifest
            A manifests/NAME.csv: its sequences are the items, viewed through the strategy that they were cut for.
            Without a manifest, every recording is an item.
        language, speaker
            Select these only: one name or several.

        Raises
        ------
        ArtifactError
            If the store has no such language, speaker or recording, nothing is selected, or the manifest was cut from
            another store.
        """
        listed = None if manifest is None else Path(manifest)
        strategy, items = self._items(listed)
        selected = ~np.isin(self.ids, [*self.failed])
        if split is not None:
            rows = tables.read(Path(split), SplitRow, sealed=False)
            selected &= np.isin(np.arange(len(selected)), [self.index(row.recording) for row in rows])
        for column, names, wanted in (("language", self.languages, language), ("speaker", self.speakers, speaker)):
            if wanted is None:
                continue
            asked = {wanted} if isinstance(wanted, str) else set(wanted)
            if unknown := sorted(asked - set(names)):
                some = ", ".join(sorted(set(names))[:10])
                raise ArtifactError(f"{self.source.name} has no {column} {unknown[0]!r}; choose one, such as {some}")
            selected &= np.isin(names, sorted(asked))
        items = items[selected[items["index"]]]
        if not len(items):
            raise ArtifactError(f"no item of {self.source.name} matches all filters; remove one")
        return Selection(self, items, strategy, manifest=listed).located().view(strategy)

    def features(self, recording: str, start: int = 0, stop: int | None = None) -> Features:
        """Return MFCCs of frames start:stop of a recording, shape (frames, n_mfcc).

        Raises
        ------
        ArtifactError
            If the store has no such recording, or its rows are damaged.
        ArgumentError
            If the recording has no such frames.
        """
        return self.mfcc_rows(*self._rows(recording, start, stop))

    def flags(self, recording: str, start: int = 0, stop: int | None = None) -> Flags:
        """Return speech flags of frames start:stop of a recording, shape (frames,); raises as `features` does."""
        return self.speech_rows(*self._rows(recording, start, stop))

    def n_frames(self, recording: str) -> int:
        """Return the number of frames of a recording; raises as `index` does."""
        return int(self.lengths[self.index(recording)])

    def index(self, recording: str) -> int:
        """Return the index of a recording in the store; ArtifactError if the store does not have it."""
        try:
            return self._index[recording]
        except KeyError as error:
            raise ArtifactError(f"{self.source.name} has no recording {recording!r}; run `dvc repro`") from error

    def computed(self, rows: Iterable[SplitRow]) -> list[SplitRow]:
        """Return the rows of a split whose recordings could be computed."""
        return [row for row in rows if row.recording not in self.failed]

    def sequences(
        self, rows: Iterable[SplitRow], strategy: SilenceStrategy, length: int | None = None
    ) -> tuple[list[SequenceRow], dict[str, Flags]]:
        """Cut the views of recordings into sequences.

        Parameters
        ----------
        rows
            Of a split; those that could not be computed are left out.
        length
            Maximum rows per sequence; by default, a recording is one.

        Returns
        -------
        The sequences, and by recording the flags of the rows of its view that count as its language.
        """
        found, counted = list[SequenceRow](), dict[str, Flags]()
        for row in self.computed(rows):
            flags = counted[row.recording] = views.counted(strategy, self.flags(row.recording))
            found += views.sequence_rows(row, len(flags), length or len(flags), strategy, self.id)
        return found, counted

    def _rows(self, recording: str, start: int, stop: int | None) -> tuple[int, int]:
        index = self.index(recording)
        first, length = int(self.starts[index]), int(self.lengths[index])
        if not 0 <= start <= length or (stop is not None and stop < start):
            raise ArgumentError(f"{recording!r} has frames 0 to {length}; {start}:{stop} is out of range")
        return first + start, first + (length if stop is None else min(stop, length))

    def _items(self, manifest: Path | None) -> tuple[SilenceStrategy, NDArray[np.void]]:
        """Return the sequences of a manifest, or all recordings, not yet located, and their silence strategy."""
        if manifest is None:
            items = np.zeros(len(self.ids), ITEM)
            items["index"], items["weight"] = np.arange(len(items)), 1
            return "none", items
        found, rows = set[str](), list[tuple[float, ...]]()
        for row in tables.scan(manifest, SequenceRow, sealed=False):
            if row.features != self.id:
                cut_from = f"the features {brief(row.features)}, not {self.id!r} of {self.source.name}"
                raise ArtifactError(f"{manifest} was cut from {cut_from}; run `dvc repro`")
            found.add(row.view)
            rows.append((self.index(row.recording), row.start, row.frames, row.weight, row.member, 0, 0, 0))
        strategy = next((name for name in views.POLICIES if found == {name}), None)
        if strategy is None:
            some = " and ".join(map(brief, sorted(found)[:3])) or "nothing"
            raise ArtifactError(f"{manifest} is cut for {some}, not for {' or '.join(views.POLICIES)}; run `dvc repro`")
        try:
            return strategy, np.array(rows, ITEM)
        except OverflowError as error:
            raise ArtifactError(f"{manifest} holds a number of over 64 bits; run `dvc repro`") from error
