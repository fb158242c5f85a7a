"""Segments of recordings in the forms that other programs read."""

import csv
import io
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pipeline import files
from pipeline.cli.options import Form
from pipeline.cli.output import AnswerPrinter, no_formula
from pipeline.errors import ArgumentError
from pipeline.streaming.description import Description

Answer = Mapping[str, Any]  # of `pipeline.streaming.answer`


def rttm(answer: Answer) -> str:
    """Return lines of NIST's RTTM, where the language stands for the speaker; a space in a name is %20."""
    return "".join(
        f"SPEAKER {_word(answer['path'])} 1 {part['start_s']:.3f} {part['end_s'] - part['start_s']:.3f} <NA> <NA> "
        f"{_word(part['language'])} {part['confidence']:.3f} <NA>\n"
        for part in answer["segments"]
    )


def _word(text: str) -> str:
    """Return a name without spaces, and another one for each name: RTTM has no quotes.

    >>> _word("a b.wav"), _word("100%.wav")
    ('a%20b.wav', '100%25.wav')
    """
    return re.sub(r"[%\s]", lambda found: quote(found[0]), text)


def table(answer: Answer) -> str:
    """Return rows of CSV with the columns of `HEADER`."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerows([no_formula(answer["path"]), *part.values()] for part in answer["segments"])
    return text.getvalue()


def as_json(answer: Answer) -> str:
    """Return an object on one line."""
    return json.dumps({key: answer[key] for key in ("path", "duration_s", "segments")}) + "\n"


def textgrid(answer: Answer) -> str:
    """Return Praat's long text format: one tier of intervals, empty where no language is spoken."""
    intervals, at = list[tuple[float, float, str]](), 0.0
    for part in answer["segments"]:
        intervals += [(at, part["start_s"], "")] if part["start_s"] > at else []
        at = part["end_s"]
        intervals.append((part["start_s"], at, part["language"]))
    end = max(answer["duration_s"], at)
    intervals += [(at, end, "")] if end > at else []
    lines = [
        'File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0", f"xmax = {end:.6f}", "tiers? <exists>",
        "size = 1", "item []:", "    item [1]:", '        class = "IntervalTier"', '        name = "language"',
        "        xmin = 0", f"        xmax = {end:.6f}", f"        intervals: size = {len(intervals)}",
    ]  # fmt: skip
    for number, (start, stop, text) in enumerate(intervals, 1):
        lines += [f"        intervals [{number}]:", f"            xmin = {start:.6f}", f"            xmax = {stop:.6f}"]
        lines.append(f'            text = "{text}"')
    return "\n".join([*lines, ""])


def srt(answer: Answer) -> str:
    """Return subtitles in SubRip's format."""
    return "\n".join(f"{number}\n{_cue(part, ',')}" for number, part in enumerate(answer["segments"], 1))


def vtt(answer: Answer) -> str:
    """Return subtitles in the format of the web."""
    return "\n".join(["WEBVTT\n", *(_cue(part, ".") for part in answer["segments"])])


def labels(answer: Answer) -> str:
    """Return Audacity's labels."""
    return "".join(f"{part['start_s']:.6f}\t{part['end_s']:.6f}\t{part['language']}\n" for part in answer["segments"])


def _cue(part: Answer, mark: str) -> str:
    return f"{_clock(part['start_s'], mark)} --> {_clock(part['end_s'], mark)}\n{part['language']}\n"


def _clock(seconds: float, mark: str) -> str:
    whole, milliseconds = divmod(round(1000 * seconds), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{mark}{milliseconds:03}"


HEADER = "path,start_s,end_s,language,confidence"
ENDINGS: dict[Form, str] = {"textgrid": "TextGrid", "labels": "txt"}
WRITERS: dict[Form, Callable[[Answer], str]] = {
    "rttm": rttm, "csv": table, "json": as_json, "textgrid": textgrid, "srt": srt, "vtt": vtt, "labels": labels,
}  # fmt: skip
TOGETHER: tuple[Form, ...] = ("rttm", "csv", "json")  # many recordings fit one file


class SegmentPrinter(AnswerPrinter):
    """Print the segments of recordings, or write them to a file each.

    Parameters
    ----------
    into
        Folder of the files; None: they go to standard output.
    """

    def __init__(self, form: Form, description: Description, paths: Sequence[str], into: Path | None) -> None:
        super().__init__("json", description, 0)
        self._form, self._into = form, into
        if len(paths) > 1 and not into and form not in TOGETHER:
            raise ArgumentError(f"--segments {form} is a file for each recording; name a folder for them with --into")
        self._names = _names(paths, ENDINGS.get(form, form)) if into else {}

    def print_header(self) -> None:
        """Print the header of CSV."""
        if self._form == "csv" and not self._into:
            print(HEADER, file=self._to)

    def show(self, answer: dict[str, Any]) -> None:
        """Print the segments of a recording, or write its file."""
        text = WRITERS[self._form](answer)
        if self._into:
            header = f"{HEADER}\n" if self._form == "csv" else ""
            files.replace(self._into / self._names[answer["path"]], f"{header}{text}".encode())
        else:
            print(text, end="", file=self._to)


def _names(paths: Sequence[str], ending: str) -> dict[str, str]:
    """Return the name of each recording's file: its own below the folder that holds all, with another ending.

    >>> _names(["in/a/1.wav", "in/b/1.wav", "in/b/1.flac"], "srt")
    {'in/a/1.wav': 'a/1.srt', 'in/b/1.wav': 'b/1.wav.srt', 'in/b/1.flac': 'b/1.flac.srt'}
    """
    whole = {path: Path.cwd() / path for path in paths}
    folder = os.path.commonpath([path.parent for path in whole.values()])
    inside = {path: Path(os.path.relpath(place, folder)) for path, place in whole.items()}
    stems = Counter(path.with_suffix("") for path in inside.values())
    return {
        path: str(name.with_suffix(f".{ending}") if stems[name.with_suffix("")] == 1 else f"{name}.{ending}")
        for path, name in inside.items()
    }
