"""The cards of an export: README.md with the hub's header, croissant.json, and the table that both describe."""

import hashlib
import html
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations
from typing import Any

from pipeline.corpus.collector import UNKNOWN
from pipeline.exchange import AudioFormat
from pipeline.exchange.formats import Format, by_split, csv_table, described
from pipeline.exchange.utterances import Utterance

TABLE = "recordings.csv"
TITLE = "Recordings for spoken language recognition"
SIZES = (("n<1K", 10**3), ("1K<n<10K", 10**4), ("10K<n<100K", 10**5), ("100K<n<1M", 10**6), ("1M<n<10M", 10**7))
COLUMNS = {
    "id": "of the recording", "split": "train, val, test; other: of sources held out; open: of languages held out",
    "language": "as the corpus calls it", "tag": "its BCP 47 code", "speaker": "who speaks",
    "speaker_from": "table or pattern; file and cluster: nobody has named the speakers",
    "source": "where it is from, if the corpus says so", "licence": "if the corpus says so", "url": "of its source",
    "weight": "how much its frames count in balanced training; 0: not at all", "duration_s": "seconds",
    "speech": "start and end of the spans of speech, seconds, as JSON",
}  # fmt: skip
PARTS = "The samples are parts of the files in the run's folder, 16-bit mono WAV, and are not in this one."
MARKS = {ord(mark): f"&#{ord(mark)};" for mark in "[]|`*~\\"}
TERMS = (
    "citeAs column equivalentProperty extract field fileProperty fileObject fileSet format includes isLiveDataset "
    "jsonPath key md5 parentField path recordSet references regex repeated replace samplingRate separator source "
    "subField transform"
)
CONTEXT: dict[str, Any] = {name: f"cr:{name}" for name in TERMS.split()} | {  # as the vocabulary Croissant 1.0 wants it
    "@language": "en", "@vocab": "https://schema.org/", "conformsTo": "dct:conformsTo", "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/", "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/", "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"}, "examples": {"@id": "cr:examples", "@type": "@json"},
}  # fmt: skip


def files(rows: Sequence[Utterance], how: Format, audio: AudioFormat) -> Iterator[tuple[str, bytes]]:
    """Yield the table of all recordings and the cards."""
    table = csv_table([described(one) for one in rows])
    yield TABLE, table
    yield "README.md", _readme(rows, how, audio).encode()
    yield "croissant.json", f"{json.dumps(_croissant(rows, table), indent=2, ensure_ascii=False)}\n".encode()


def header(**values: Any) -> str:
    """Return the header of a card, which hubs read: YAML, each value written as JSON."""
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()]
    return "\n".join(["---", *lines, "---", ""])


def escaped(text: object) -> str:
    """Return what comes from data as Markdown that shows it and is no link, HTML, code or end of a cell.

    >>> escaped("x](y) <img>")
    'x&#93;(y) &lt;img&gt;'
    """
    return html.escape(" ".join(f"{text}".split()), quote=False).translate(MARKS)


def table(columns: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown, its cells escaped."""
    cells = [[escaped(cell) for cell in one] for one in lines]
    return "\n".join(f"| {' | '.join(one)} |" for one in [columns, ["---"] * len(columns), *cells])


def licences(rows: Iterable[Utterance]) -> list[str]:
    """Return the licences as hubs name them."""
    return sorted({one.licence.lower() or "unknown" for one in rows})


def _readme(rows: Sequence[Utterance], how: Format, audio: AudioFormat) -> str:
    named = licences(rows)
    splits = [{"split": split, "path": f"data/{split}/**"} for split, _ in by_split(rows)]
    head = header(
        pretty_name=TITLE, license=named[0] if len(named) == 1 else named, language=_tags(rows),
        task_categories=["audio-classification"], tags=["spoken-language-identification"],
        size_categories=[next((name for name, most in SIZES if len(rows) < most), "n>10M")],
        **({"configs": [{"config_name": "default", "data_files": splits}]} if how.hub else {}),
    )  # fmt: skip
    languages, sources = defaultdict[Any, list[Utterance]](list), defaultdict[Any, list[Utterance]](list)
    for one in rows:
        languages[one.language, one.tag, one.split].append(one)
        sources[one.source or "-", one.licence or "unknown", one.url or "-"].append(one)
    where = PARTS if audio == "containers" else f"The samples are in this folder, as {audio.upper()}."
    columns = ["recordings", "speakers", "minutes", "of speech"]
    return f"""{head}
# {TITLE}

{_total(rows)} Each was decoded once to 16-bit mono at {rows[0].rate} Hz. {separate(rows)}

{table(["language", "code", "split", *columns], ((*key, *counts(of)) for key, of in sorted(languages.items())))}

## Sources

{table(["source", "licence", "url", *columns], ((*key, *counts(of)) for key, of in sorted(sources.items())))}

## Reading

`{how.line}`

{where} `{TABLE}` lists all recordings:

{table(["column", "means"], COLUMNS.items())}

Every source has its level, noise and channel. If the languages are of different sources, these give them away: test on
sources that were not trained on before you trust a score.
"""


def _tags(rows: Iterable[Utterance]) -> list[str]:
    return sorted({one.tag for one in rows})


def _total(rows: Sequence[Utterance]) -> str:
    count, speakers, minutes, _ = counts(rows)
    return f"{count} recordings of {speakers} speakers in {len(_tags(rows))} languages, {minutes} minutes."


def separate(rows: Sequence[Utterance]) -> str:
    """Say which splits share speakers; held-out languages may have those of test."""
    speakers = {split: {one.speaker for one in of} for split, of in by_split(rows)}
    pairs = [f"{one} and {other}" for one, other in combinations(speakers, 2) if speakers[one] & speakers[other]]
    unknown = sum(one.speaker_from in UNKNOWN for one in rows)
    voices = f"The speakers of {unknown} recordings are not known: a voice may be in two of them." if unknown else ""
    but = f", but {', '.join(pairs)} do" if pairs else ""
    return f"No two splits share a speaker{but}. {voices}".strip()


def counts(rows: Sequence[Utterance]) -> tuple[int, int, str, str]:
    """Return recordings, speakers, minutes, and minutes of speech."""
    spoken = sum(end - start for one in rows for start, end in one.speech)
    minutes = sum(one.samples for one in rows) / rows[0].rate / 60
    return len(rows), len({one.speaker for one in rows}), f"{minutes:.2f}", f"{spoken / rows[0].rate / 60:.2f}"


def _croissant(rows: Sequence[Utterance], table: bytes) -> dict[str, Any]:
    """Return the description in the vocabulary Croissant 1.0."""
    fields = [
        {
            "@type": "cr:Field", "@id": f"recordings/{column}", "name": column, "description": means,
            "dataType": "sc:Float" if column in ("weight", "duration_s") else "sc:Text",
            "source": {"fileObject": {"@id": TABLE}, "extract": {"column": column}},
        }
        for column, means in COLUMNS.items()
    ]  # fmt: skip
    return {
        "@context": CONTEXT, "@type": "sc:Dataset", "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": "spoken-languages", "description": _total(rows), "license": licences(rows), "inLanguage": _tags(rows),
        **({"url": urls} if (urls := sorted({one.url for one in rows if one.url})) else {}),
        "distribution": [
            {"@type": "cr:FileObject", "@id": TABLE, "name": TABLE, "contentUrl": TABLE, "encodingFormat": "text/csv",
             "sha256": hashlib.sha256(table).hexdigest()},
        ],
        "recordSet": [{"@type": "cr:RecordSet", "@id": "recordings", "name": "recordings", "field": fields}],
    }  # fmt: skip
