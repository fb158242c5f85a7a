"""The outcome of a split: whether it can be used, requests that could not be met, and its numbers."""

from collections import Counter
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
    """
    spoken = _seconds(rows)
    for name in ("train", "test", "val"):
        for language, parts in spoken.items():
            if not parts[name] and (name != "val" or not rows["val"]):
                raise CorpusError(
                    f"{language!r} has no group of recordings left for {name}: too many share a speaker, a source, "
                    "audio or speech, or split.method or splits/pins.csv place them elsewhere; add other speakers"
                )


def notes(rows: Rows, shares: Sequence[float] | None) -> list[str]:
    """Return requests that could not be met, one sentence each.

    Parameters
    ----------
    shares
        Requested share of the hours of train, val and test; None if none was requested.
    """
    sentences = []
    for language, parts in _seconds(rows).items():
        spoken = sum(parts.values(), Counter[str]())
        [(loudest, most_s)], total_s = spoken.most_common(1), spoken.total()
        for at, name in enumerate(SPLITS):
            share = parts[name].total() / total_s
            if not parts[name]:
                sentences.append(f"{language}: no group of recordings is left for {name}")
            elif shares is not None and abs(share - shares[at]) > LARGE_MISS:
                sentences.append(
                    f"{language}: {name} has {share:.0%} of the hours, not {shares[at]:.0%}; of {len(spoken)} "
                    f"speakers, {loudest} alone has {most_s / total_s:.0%}"
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
    spoken, tree = _seconds(rows), {}
    listed = {(row.language, name, row.recording) for name in SPLITS for row in rows[name]}
    recordings = Counter(key[:2] for key in listed)
    for language in languages:
        parts = spoken[language]
        total_s = sum(part.total() for part in parts.values())
        tree[language] = {
            name: {
                "recordings": recordings[language, name],
                "speakers": len(part),
                "effective_speakers": round(part.total() ** 2 / sum(s**2 for s in part.values()), 1) if part else 0.0,
                "minutes": round(part.total() / 60, 2),
                "share": round(part.total() / total_s, 4),
            }
            for name, part in parts.items()
        }
    return tree


def _seconds(rows: Rows) -> dict[str, dict[str, Counter[str]]]:
    """Return the seconds of each speaker by language, in the order of their names, and split."""
    found: dict[str, dict[str, Counter[str]]] = {}
    for name in SPLITS:
        for row in rows[name]:
            parts = found.setdefault(row.language, {split: Counter() for split in SPLITS})
            parts[name][row.speaker] += row.duration_s  # type: ignore[assignment]  # a counter of seconds
    return dict(sorted(found.items()))
