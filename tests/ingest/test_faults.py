"""Hostile names and files: nothing is executed, expanded or read as another; the bad are rejected, the good are in."""

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from pipeline import params
from pipeline.arrays import Samples
from pipeline.corpus import layouts
from pipeline.corpus.paths import is_audio, is_of_system
from tests.corpus.corpora import settings, write_csv
from tests.ingest import parts

RATE = 16000
GOOD = [
    "-n.wav", "--help.wav", "|touch HURT.wav", "$(touch HURT).wav", "`touch HURT`.wav", ";touch HURT;.wav", "x1.wav",
    "x[1].wav", "x*.wav", "x?.wav", "{x1,x2}.wav", "~.wav", "$HOME.wav", "%s%n.wav", "'single'.wav", '"double".wav',
    "a b.wav", "&& touch HURT.wav", "> HURT.wav", "http:⁄⁄example.wav", "concat:x1.wav", "हिन्दी.wav", "普通话.wav",
    "\u00e9.wav", "e\u0301.wav", "x" * 251 + ".wav", "no ending", ".wav", "..wav", "x1.wav.wav",
    "CON.wav", "x1.WAV", "\\x.wav", "#x.wav", "x,y.wav", "=1+1.wav", "@x.wav",
]  # fmt: skip
BAD = {
    "line\nbreak.wav": "name", "carriage\rreturn.wav": "name", "\u202egnp.wav": "name", "tab\t.wav": "name",
    "\x1b[2J.wav": "name", os.fsdecode(b"\xff\xfe.wav"): "name", "zero\u200bwidth.wav": "name",
}  # fmt: skip
AUDIO = params.Audio(sample_rate=RATE, channels="mix", min_duration=0.5)


def sound(number: int) -> Samples:
    return np.random.default_rng(number).integers(-9000, 9000, RATE, np.int16)


def run(corpus: params.Corpus, target: Path) -> tuple[dict[str, list[int]], dict[str, str]]:
    """List and ingest: samples by path, and reasons by path."""
    listing = layouts.read(corpus)
    found = parts.ingested(listing.entries, layouts.roots(corpus), target, AUDIO)
    samples = {row.path: parts.samples_of(row, target).tolist() for row in found.rows}
    rejected = listing.rejected + found.rejected
    return samples, {row.path: row.reason for row in rejected}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which anything that a name executes or writes would be seen."""
    (tmp_path / "here").mkdir()
    (tmp_path / "audio").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


@pytest.mark.parametrize("layout", ["folders", "table", "homework"])
def test_a_name_is_only_a_name(here: Path, layout: str) -> None:
    root = here / "corpus"
    folder = root / "hindi" if layout == "folders" else root
    folder.mkdir(parents=True)
    listed = [name for name in GOOD if layout != "folders" or (is_audio(name) and not is_of_system(name))]
    for number, name in enumerate([*listed, *BAD]):
        soundfile.write(os.fsencode(folder / name), sound(number), RATE, format="WAV")
    names = [*listed, *(name for name in BAD if name.isascii() and "\n" not in name and "\r" not in name)]
    if layout == "table":
        write_csv(root / "metadata.csv", [["path", "language", "speaker"], *([name, "hindi", "s"] for name in names)])
    if layout == "homework":
        write_csv(root / "labels.csv", [[name, "1"] for name in names])
    corpus = settings(layout, root, speakers="file", speaker_pattern=None)  # type: ignore[arg-type]
    samples, rejected = run(corpus, here / "audio")
    prefix = "hindi/" if layout == "folders" else ""
    assert samples == {prefix + name: sound(number).tolist() for number, name in enumerate(listed)}
    wanted = BAD if layout == "folders" else {name: BAD[name] for name in names if name in BAD}
    assert sorted(rejected.values()) == sorted(wanted.values())
    assert not list((here / "here").iterdir())
    assert not list(here.rglob("HURT*"))


def test_commands_in_a_kaldi_directory_are_never_run(here: Path) -> None:
    root = here / "corpus"
    root.mkdir()
    soundfile.write(root / "a.wav", sound(0), RATE)
    commands = {
        "b": "touch HURT |", "c": "|touch HURT", "d": "$(touch HURT)", "e": "a.wav; touch HURT", "f": "sox a.wav -p |",
        "g": "/etc/hostname", "h": "../outside.wav", "i": "-", "j": "/dev/stdin", "k": "a.ark:12",
    }  # fmt: skip
    tables = {"wav.scp": {"a": "a.wav", **commands}, "utt2lang": dict.fromkeys(["a", *commands], "hi")}
    tables["utt2spk"] = dict.fromkeys(["a", *commands], "s")
    for name, pairs in tables.items():
        (root / name).write_text("".join(f"{key} {value}\n" for key, value in pairs.items()))
    samples, rejected = run(settings("kaldi", root, speaker_pattern=None), here / "audio")
    assert samples == {"a.wav": sound(0).tolist()}
    assert sorted(rejected.values()) == ["missing"] * 4 + ["outside"] * 3 + ["program"] * 3
    assert not list((here / "here").iterdir())
    assert not list(here.rglob("HURT*"))
