"""Some recordings or sequences of a feature store, as items of which only those rows are read that are asked for.

    row of the store   ├─────────── shard 0 ───────────┼─────────── shard 1 ──
    recording           │      one      │       two        │  three ...
    speech                 SSSS   SSSSS    SSS     SSS SSS
    item                   └──────────┘    └───────┘          first:stop, of which the silence view shows `frames`

A manifest counts rows of a view, and the view `remove` has fewer of them than the store. It is accepted only for the
view and the store that it was cut for. Every item is found in the store once, by one pass over the speech flags; from
then on its view is that of the rows first:stop alone.
"""

import dataclasses
import importlib.util
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self, overload

import numpy as np
from numpy.typing import NDArray

from pipeline import backend, tables
from pipeline.console.text import brief
from pipeline.dataset import views
from pipeline.errors import ArgumentError, ArtifactError, ProgramError
from pipeline.mfcc import Features
from pipeline.params import STRATEGIES, Strategy
from pipeline.silence.spans import Flags
from pipeline.store import arrays

if TYPE_CHECKING:
    from pipeline.store.feature_store import FeatureStore

ITEM = np.dtype(
    [
        ("recording", np.int64),  # which of the store
        ("start", np.int64),  # rows start:start+frames of its view
        ("frames", np.int64),
        ("weight", np.float64),  # of the manifest
        ("member", np.int64),  # which network of an ensemble trains on it
        ("target", np.int64),  # number of its language
        ("first", np.int64),  # rows first:stop of the store hold it
        ("stop", np.int64),
    ]
)


class Example(NamedTuple):
    """One item: what the network sees of it, or several of them joined.

    Attributes
    ----------
    features
        MFCCs, float32, shape (frames, n_mfcc).
    targets
        Class of each frame, shape (frames,).
    weights
        Of each frame in the loss, float32, shape (frames,).
    """

    features: Features
    targets: NDArray[np.int64]
    weights: Features

    def part(self, chosen: Any) -> "Example":
        """What an index of NumPy's chooses of each array."""
        return Example(self.features[chosen], self.targets[chosen], self.weights[chosen])


@dataclass(frozen=True, eq=False)
class Selection:
    """Items of a store, seen through a silence strategy; PyTorch's DataLoader takes it as the dataset that it is.

    Attributes
    ----------
    items
        One of `ITEM` each, in the order of the manifest, else of the store.
    manifest
        The file that lists the items, all cut for `strategy`; None if they are whole recordings.
    languages
        Names in the order of the target numbers.
    """

    store: "FeatureStore"
    items: NDArray[np.void]
    manifest: Path | None = None
    strategy: Strategy = "none"
    languages: tuple[str, ...] = ()

    def view(self, strategy: Strategy, languages: Sequence[str] | None = None) -> Self:
        """The same items seen through a silence strategy, as `sequences.view` defines it.

        Parameters
        ----------
        languages
            In the order of the target numbers; without them, those of the store by name.

        Raises
        ------
        ArgumentError
            If there is no such strategy.
        ArtifactError
            If the items are of a manifest that was cut for another strategy, or of a language that is not named.
        """
        views.silent(strategy)
        if self.manifest is not None and strategy != self.strategy:
            raise ArtifactError(
                f"{self.manifest} is cut for the silence strategy {self.strategy!r}, not for {strategy!r}; "
                f"view it as {self.strategy!r}, or set silence.strategy to {strategy} and run `dvc repro`"
            )
        names = tuple(languages or sorted(set(self.store.languages)))
        items = self.items.copy()
        for name in sorted({self.store.languages[number] for number in items["recording"]} - set(names)):
            raise ArtifactError(f"{name!r} is selected but not among the languages {', '.join(names)}; name it as well")
        of_store = [names.index(name) if name in names else -1 for name in self.store.languages]
        items["target"] = np.array(of_store)[items["recording"]]
        order = np.argsort(items["recording"], kind="stable")
        for run in _runs(items["recording"][order]):
            items[order[run]] = self._located(items[order[run]], strategy)
        return dataclasses.replace(self, items=items, strategy=strategy, languages=names)

    def _located(self, items: NDArray[np.void], strategy: Strategy) -> NDArray[np.void]:
        """Find items of one recording in the store."""
        store, number = self.store, int(items["recording"][0])
        first, length = int(store.starts[number]), int(store.lengths[number])
        rows = first + views.view(strategy, self.speech(first, first + length, strategy), 0, 1).rows
        if self.manifest is None:
            items["frames"] = len(rows)
        end = items["start"] + items["frames"]
        beyond = items["frames"] > len(rows) - items["start"]  # the sum of both may overflow
        wrong = (items["start"] < 0) | beyond | ((items["frames"] < 1) & (self.manifest is not None))
        for item in items[wrong]:
            raise ArtifactError(
                f"rows {item['start']}:{item['start'] + item['frames']} of {store.ids[number]!r}, listed in "
                f"{self.manifest}, are not in its view {strategy!r} of {len(rows)} rows; run `dvc repro`"
            )
        items["first"], items["stop"] = first, first
        if len(rows):
            items["first"], items["stop"] = rows[items["start"]], rows[end - 1] + 1
        return items

    def in_store_order(self) -> Self:
        """The same items in the order in which they are read fastest."""
        return dataclasses.replace(self, items=self.items[np.argsort(self.items["first"], kind="stable")])

    @property
    def frames(self) -> int:
        """Frames of all items."""
        return int(self.items["frames"].sum())

    def runs(self) -> list[NDArray[np.int64]]:
        """The items, by number, in pieces to be read at once: neighbours that begin in one shard."""
        return _runs(self.items["first"] // self.store.shard)

    def read(self, numbers: NDArray[np.int64]) -> Iterator[Example]:
        """Some items, by number, from one slice of the store that holds them all."""
        items = self.items[numbers]
        first, stop = int(items["first"].min()), int(items["stop"].max())
        mfcc, speech = self.store.mfcc_rows(first, stop), self.speech(first, stop, self.strategy)
        for item in items:
            rows = slice(item["first"] - first, item["stop"] - first)
            seen = views.view(self.strategy, speech[rows], int(item["target"]), len(self.languages))
            weights = seen.weights * np.float32(item["weight"])
            if views.silent(self.strategy).named:  # no balancing of languages is about silence
                weights[~speech[rows]] = seen.weights[~speech[rows]]
            yield Example(mfcc[rows][seen.rows], seen.targets, weights)

    def speech(self, first: int, stop: int, strategy: Strategy) -> Flags:
        """Speech flags of rows of the store; not read if the strategy treats silence as speech."""
        if views.silent(strategy).as_speech:
            return np.ones(stop - first, np.bool_)
        return self.store.speech_rows(first, stop)

    def __len__(self) -> int:
        return len(self.items)

    @overload
    def __getitem__(self, chosen: int | np.integer[Any]) -> Example: ...
    @overload
    def __getitem__(self, chosen: slice | Sequence[int] | NDArray[np.integer[Any] | np.bool_]) -> Self: ...
    def __getitem__(self, chosen: Any) -> Any:
        """The item of a number, or the selection of those in a slice, of some numbers or of one flag per item.

        Raises
        ------
        IndexError
            If a number is out of range.
        ArgumentError
            If it is indexed by anything else.
        """
        index = _index(chosen, len(self))
        if isinstance(index, np.ndarray) and index.ndim == 0:
            return next(self.read(index.reshape(1)))
        return dataclasses.replace(self, items=self.items[index])

    def __iter__(self) -> Iterator[Example]:
        for run in self.runs():
            yield from self.read(run)

    def numpy(self) -> Example:
        """All items joined, in memory."""
        joined = Example(
            np.empty((self.frames, self.store.mfcc.shape[1]), np.float32),
            np.empty(self.frames, np.int64),
            np.empty(self.frames, np.float32),
        )
        at = 0
        for example in self:
            rows = slice(at, at + len(example.targets))
            for name in Example._fields:
                getattr(joined, name)[rows] = getattr(example, name)
            at = rows.stop
        return joined

    def dask(self) -> Any:
        """The MFCCs of all items joined: a lazy dask.array of shape (frames, n_mfcc), chunks of one shard at most."""
        _require("dask")
        return arrays.lazy(self, "mfcc")

    def xarray(self) -> Any:
        """All items joined: a lazy xarray.Dataset of `mfcc` (frame, coefficient).

        Coordinates of the frames: recording, language and speaker (names), speech, and time (seconds from the start of
        the recording).
        """
        _require("xarray")
        import xarray

        return xarray.Dataset(
            {"mfcc": (("frame", "coefficient"), arrays.lazy(self, "mfcc"))},
            {name: ("frame", arrays.lazy(self, name)) for name in arrays.OF_FRAMES},
        )

    def tensorflow(self) -> Any:
        """A tf.data.Dataset of examples, of known cardinality."""
        _require("tensorflow")
        backend.keras()
        import tensorflow

        signature = Example(
            tensorflow.TensorSpec((None, self.store.mfcc.shape[1]), tensorflow.float32),
            tensorflow.TensorSpec((None,), tensorflow.int64),
            tensorflow.TensorSpec((None,), tensorflow.float32),
        )
        examples = tensorflow.data.Dataset.from_generator(lambda: iter(self), output_signature=signature)
        return examples.apply(tensorflow.data.experimental.assert_cardinality(len(self)))

    def torch(self) -> Any:
        """A torch.utils.data.Dataset of examples as tensors, which worker processes of any kind can take."""
        _require("torch")
        from pipeline.store.tensors import Tensors

        return Tensors(self)


def select(
    store: "FeatureStore",
    split: Path | str | None,
    manifest: Path | str | None,
    language: str | Iterable[str] | None,
    speaker: str | Iterable[str] | None,
) -> Selection:
    """Carry out `FeatureStore.select`."""
    strategy: Strategy = "none"
    if manifest is None:
        items = np.zeros(len(store.ids), ITEM)
        items["recording"], items["weight"] = np.arange(len(items)), 1
    else:
        manifest = Path(manifest)
        rows = tables.read(manifest, tables.SequenceRow)
        strategy = _cut_for(store, manifest, rows)
        fields = [(store.number(row.recording), row.start, row.frames, row.weight, row.member, 0, 0, 0) for row in rows]
        try:
            items = np.array(fields, ITEM)
        except OverflowError:
            raise ArtifactError(f"{manifest} holds a number of over 64 bits; run `dvc repro`") from None
    chosen = np.array([name not in store.killed for name in store.ids])
    if split is not None:
        members = [store.number(row.recording) for row in tables.read(Path(split), tables.SplitRow)]
        chosen &= np.isin(np.arange(len(chosen)), members)
    for what, names, wanted in (("language", store.languages, language), ("speaker", store.speakers, speaker)):
        if wanted is not None:
            asked = {wanted} if isinstance(wanted, str) else set(wanted)
            for name in sorted(asked - set(names)):
                some = ", ".join(sorted(set(names))[:10])
                raise ArtifactError(f"{store.path} has no {what} {name!r}; name some that it has, as {some}")
            chosen &= np.isin(names, sorted(asked))
    items = items[chosen[items["recording"]]]
    if not len(items):
        raise ArtifactError(f"nothing of {store.path} is selected; ask for less at once")
    return Selection(store, items, manifest, strategy).view(strategy)


def _cut_for(store: "FeatureStore", manifest: Path, rows: list[tables.SequenceRow]) -> Strategy:
    """The silence strategy that all rows of a manifest were cut for, from this store."""
    for row in rows:
        if row.features != store.id:
            raise ArtifactError(
                f"{manifest} was cut from the features {brief(row.features)}, but those of {store.path} are "
                f"{store.id!r}; run `dvc repro`"
            )
    found = {row.view for row in rows}
    for strategy in views.SILENT:
        if found == {strategy}:
            return strategy
    some = " and ".join(brief(name) for name in sorted(found)[:3])
    raise ArtifactError(
        f"{manifest} is cut for {some or 'nothing'}, not for one of {', '.join(STRATEGIES)}; run `dvc repro`"
    )


def _runs(values: NDArray[Any]) -> list[NDArray[np.int64]]:
    """The numbers of neighbours of equal value; no run is empty."""
    runs = np.split(np.arange(len(values)), np.flatnonzero(np.diff(values)) + 1)
    return runs if len(values) else []


def _index(chosen: Any, length: int) -> slice | NDArray[np.int64]:
    """An index of `length` items as NumPy takes it, checked: a slice, one number of shape (), or numbers."""
    try:
        if isinstance(chosen, slice):
            chosen.indices(length)
            return chosen
        index = np.asarray(chosen)
        if index.dtype == np.bool_ and index.shape == (length,):
            index = np.flatnonzero(index)
        if isinstance(chosen, tuple) or index.ndim > 1 or (index.dtype.kind not in "iu" and index.shape != (0,)):
            raise TypeError
    except (TypeError, ValueError):
        raise ArgumentError(
            f"{brief(chosen)} is no index of a selection of {length}; take a number, a slice, or a list or array of "
            f"numbers or of {length} flags"
        ) from None
    for number in index[(index < -length) | (index >= length)]:
        raise IndexError(f"{number} is out of range: the selection holds {length}, numbered from 0")
    return index.astype(np.int64)


def _require(library: str) -> None:
    if importlib.util.find_spec(library) is None:
        raise ProgramError(
            f"{library} is not installed, and this form of the features is its own; `pip install {library}`"
        )
