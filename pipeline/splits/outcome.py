"""The outcome of a split: whether it can be used, requests that could not be met, and its numbers."""

from collections.abc import Iterable, Mapping, Sequence

from pipeline.errors import CorpusError
from pipeline.rows import SPLITS, SplitRow

LARGE_MISS = 0.05  # of the share of hours: reported

Rows = Mapping[str, Sequence[SplitRow]]  # of splits/*.csv, by split


def check(rows: Rows) -> None:
    """Refuse splits if train or test lacks a language, or val lacks all.

    Raises
    ------
    CorpusError
        Naming the language and the split.

    Examples
    --------
    >>> check({"train": [SplitRow("r", "hindi", "bob", "r", 2)], "val": [], "test": []})
    Traceback (most recent call last):
    pipeline.errors.CorpusError: 'hindi' has no group of recordings left for test: ...
    """
    by_language = _by_language(rows)
    for name in ("train", "test", "val"):
        for language, parts in by_language.items():
            if not parts[name] and (name != "val" or not rows["val"]):
                raise CorpusError(
                    f"{language!r} has no group of recordings left for {name}: too many share a speaker, a source, "
                    "audio or speech, or split.method or splits/pins.csv place them elsewhere; add recordings of other "
                    "speakers"
                )


def notes(rows: Rows, shares: Sequence[float] | None) -> list[str]:
    """Return requests that could not be met, one sentence each.

    Parameters
    ----------
    shares
        Requested share of the hours of train, val and test; None if none was requested.

    Examples
    --------
    >>> notes({"train": [SplitRow("a", "hindi", "ann", "a", 9)], "val": [], "test": []}, None)
    ['hindi: no group of recordings is left for val', 'hindi: no group of recordings is left for test']
    """
    sentences = []
    for language, parts in _by_language(rows).items():
        spoken = _seconds(row for part in parts.values() for row in part)
        total_s, loudest = sum(spoken.values()), max(spoken, key=lambda speaker: spoken[speaker])
        for at, name in enumerate(SPLITS):
            share = sum(row.duration_s for row in parts[name]) / total_s
            if not parts[name]:
                sentences.append(f"{language}: no group of recordings is left for {name}")
            elif shares is not None and abs(share - shares[at]) > LARGE_MISS:
                sentences.append(
                    f"{language}: {name} has {share:.0%} of the hours, not {shares[at]:.0%}; of {len(spoken)} "
                    f"speakers, {loudest} alone has {spoken[loudest] / total_s:.0%}"
                )
    return sentences


def summary(rows: Rows, languages: Iterable[str]) -> dict[str, dict[str, dict[str, float]]]:
    """Return numbers by language and split, as in splits/summary.json.

    The effective number of speakers is 1 / Σ p², with the share p of each speaker in the duration: if one of ten
    speakers says almost everything, it is hardly more than one.

    Examples
    --------
    >>> rows = {"train": [SplitRow("r", "hindi", "bob", "r", 90)], "val": [], "test": []}
    >>> summary(rows, ["hindi"])["hindi"]["train"]
    {'recordings': 1, 'speakers': 1, 'effective_speakers': 1.0, 'minutes': 1.5, 'share': 1.0}
    """
    tree, by_language = {}, _by_language(rows)
    for language in languages:
        parts = by_language[language]
        total_s = sum(row.duration_s for part in parts.values() for row in part)
        tree[language] = {name: _numbers(part, total_s) for name, part in parts.items()}
    return tree


def _by_language(rows: Rows) -> dict[str, dict[str, list[SplitRow]]]:
    """Return the rows by language, in the order of their names, and split."""
    found: dict[str, dict[str, list[SplitRow]]] = {}
    for name in SPLITS:
        for row in rows[name]:
            found.setdefault(row.language, {split: [] for split in SPLITS})[name].append(row)
    return dict(sorted(found.items()))


def _numbers(rows: Sequence[SplitRow], total_s: float) -> dict[str, float]:
    spoken = _seconds(rows)
    duration_s = sum(spoken.values())
    squares = sum(seconds**2 for seconds in spoken.values())
    return {
        "recordings": len({row.recording for row in rows}),
        "speakers": len(spoken),
        "effective_speakers": round(duration_s**2 / squares, 1) if rows else 0.0,
        "minutes": round(duration_s / 60, 2),
        "share": round(duration_s / total_s, 4),
    }


def _seconds(rows: Iterable[SplitRow]) -> dict[str, float]:
    """Return the seconds of each speaker."""
    spoken: dict[str, float] = {}
    for row in rows:
        spoken[row.speaker] = spoken.get(row.speaker, 0) + row.duration_s
    return spoken
