"""The quality of every recording, and flags for those that a person should listen to before anyone trains on them."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from statistics import median_high
from typing import Any

from pipeline import params
from pipeline.rows import DuplicateRow, FlagRow, QualityRow, RecordingRow

TOO_MANY = 3  # names in the sentence of a duplicate
NYQUIST_SHARE = 0.85  # of half the rate: audio that uses more is as wide as its file


def examine(
    rows: Sequence[RecordingRow], duplicates: Sequence[DuplicateRow], checks: params.Checks
) -> tuple[list[QualityRow], list[FlagRow]]:
    """The measures of all recordings, and their flags, both in the order of the recordings."""
    paths = {row.recording: row.path for row in rows}
    same: dict[str, list[str]] = defaultdict(list)
    for link in duplicates:
        same[link.recording].append(paths[link.other])
        same[link.other].append(paths[link.recording])
    flags = [[*_flags(row, checks), *_duplicate(row, same[row.recording]), *_reported(row)] for row in rows]
    quality = [_quality(row, found) for row, found in zip(rows, flags, strict=True)]
    return quality, [flag for found in flags for flag in found]


def summary(rows: Sequence[QualityRow], by: str) -> dict[str, dict[str, Any]]:
    """Recordings, minutes, medians and counts of flags, by language or by source."""
    groups: dict[str, list[QualityRow]] = defaultdict(list)
    for row in rows:
        groups[getattr(row, by)].append(row)
    return {
        name: {
            "recordings": len(group),
            "minutes": round(sum(row.duration_s for row in group) / 60, 2),
            **{measure: round(median_high(getattr(row, measure) for row in group), 4) for measure in MEDIANS},
            "flags": dict(sorted(Counter(flag for row in group for flag in row.flags.split()).items())),
        }
        for name, group in sorted(groups.items())
    }


MEDIANS = ("duration_s", "sample_rate", "bandwidth_hz", "rms_dbfs", "noise_floor_dbfs", "clipped")
"""Measures whose medians `summary` gives."""


def _flags(row: RecordingRow, checks: params.Checks) -> Iterator[FlagRow]:
    def flag(code: Any, detail: str) -> FlagRow:
        part = f"(channel {row.channel}) " if row.channel else f"(mean of its {row.channels} channels) "
        return FlagRow(row.recording, row.path, code, (part if row.channels > 1 else "") + detail)

    if row.rms_dbfs < checks.level:
        yield flag("quiet", f"has a level of {row.rms_dbfs:.0f} dBFS: nearly silent; record it louder or leave it out")
    if row.clipped > checks.clipped:
        yield flag("clipped", f"is clipped: {row.clipped:.2%} of its samples are at full scale; record it more softly")
    if abs(row.dc_offset) > checks.offset:
        yield flag("offset", f"has an offset of {row.dc_offset:.1%} of full scale; remove it with a high-pass filter")
    if row.bandwidth_hz < checks.bandwidth and row.bandwidth_hz < NYQUIST_SHARE * row.sample_rate / 2:
        rate = row.sample_rate / 1000
        detail = f"holds nothing above {row.bandwidth_hz / 1000:.2g} kHz, though its rate is {rate:.4g} kHz"
        yield flag("narrow", f"{detail}: resampled from a lower rate, or sent over a telephone; find the original")
    if row.modulation_db < checks.modulation:
        detail = f"has a level that varies by {row.modulation_db:.0f} dB only: noise, a tone or music"
        yield flag("steady", f"{detail}; listen to it")
    if row.tonality > checks.tonality:
        yield flag("tonal", f"holds its tones (tonality {row.tonality:.2f}): music or a signal; listen to it")


def _duplicate(row: RecordingRow, others: Sequence[str]) -> Iterator[FlagRow]:
    if others:
        named = ", ".join(map(repr, others[:TOO_MANY])) + (
            f" and {len(others) - TOO_MANY} more" if len(others) > TOO_MANY else ""
        )
        yield FlagRow(row.recording, row.path, "duplicate", f"holds the same speech as {named}; keep one of them")


def _reported(row: RecordingRow) -> Iterator[FlagRow]:
    if reasons := row.extra.get("reported"):
        detail = f"was reported to its publisher ({reasons}); listen to it, or leave it out with corpus.reported"
        yield FlagRow(row.recording, row.path, "reported", detail)


def _quality(row: RecordingRow, flags: Sequence[FlagRow]) -> QualityRow:
    return QualityRow(
        row.recording, row.path, row.language, row.extra.get("source", ""), row.duration_s, row.sample_rate,
        row.channels, row.format, row.bandwidth_hz, row.peak_dbfs, row.rms_dbfs,
        round(row.peak_dbfs - row.rms_dbfs, 2), row.noise_floor_dbfs, row.modulation_db, row.tonality, row.clipped,
        row.dc_offset, row.sha256, " ".join(flag.flag for flag in flags),
    )  # fmt: skip
