"""Links out of the root: refused, but into the folders of `corpus.links`; a cache of a hub is read where it lies."""

import re
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from pipeline import params
from pipeline.corpus import layouts
from pipeline.corpus.entries import Listing
from pipeline.corpus.paths import Files
from pipeline.errors import AudioError, CorpusError
from tests.corpus.corpora import cached, listed, reasons, refusal, settings, touch, write_csv
from tests.corpus.published import LANGUAGES, PUBLISHED, fleurs
from tests.fingerprint.signals import RATE, voice
from tests.ingest import parts


def speak(path: Path, number: int) -> None:
    soundfile.write(path, voice(number, 1.0), RATE, format="WAV")


def read(layout: str, root: Path, *links: Path, **changes: Any) -> Listing:
    values = {"languages": LANGUAGES, "speaker_pattern": None, "speaker_table": "speakers.csv"} | changes
    return layouts.read(settings(layout, root, links=[str(path) for path in links], **values))  # type: ignore[arg-type]


def test_a_cache_of_the_hub_is_decoded_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "plain" / "data").mkdir(parents=True)
    corpus = fleurs(tmp_path / "plain" / "data", speak)
    snapshot, blobs = cached(tmp_path / "hub", tmp_path / "plain")
    linked = read("auto", snapshot, blobs)
    assert "is read as layout 'fleurs': data/cmn_hans_cn/ holds train.tsv" in linked.notes[0]
    found = parts.ingested(linked.entries, {"": snapshot.resolve()}, tmp_path / "out", params.Audio())
    assert not found.rejected
    assert len(found.rows) == len(corpus.recordings)
    assert {row.format for row in found.rows} == {"WAV/PCM_16"}
    for row in found.rows:
        samples = soundfile.read(snapshot / row.path, dtype="int16")[0]
        assert (parts.samples_of(row, tmp_path / "out") == samples).all()


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_layout_is_read_from_a_cache(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    corpus = PUBLISHED[name](tmp_path / name, lambda path, number: path.touch())
    before = read(name, tmp_path / name, **corpus.changes)
    snapshot, blobs = cached(tmp_path / "hub", tmp_path / name)
    if name == "kaldi":  # whose table has absolute paths below the root
        scp = snapshot / "wav.scp"
        scp.write_text(scp.read_text().replace(str((tmp_path / name).resolve()), str(snapshot.resolve())))
    after = read(name, snapshot, blobs, **corpus.changes)
    assert (after.entries, after.rejected) == (before.entries, [])
    assert [entry.id(entry.channel) for entry in after.entries] == [entry.id(entry.channel) for entry in before.entries]
    (tmp_path / "elsewhere").mkdir()
    try:
        refused = read(name, snapshot, tmp_path / "elsewhere", **corpus.changes)
    except CorpusError as error:
        assert re.search(r" is a link that leads out of corpus\.root; copy its target in, or list", str(error))
    else:
        assert not refused.entries
        assert {row.reason for row in refused.rejected} == {"outside"}


TABLES: dict[str, tuple[params.Layout, str, str]] = {
    "metadata": ("table", "metadata.csv", "path,language,speaker\na.wav,english,a\n"),
    "speakers": ("folders", "speakers.csv", "path,speaker\nenglish/a.wav,a\n"),
    "labels": ("homework", "labels.csv", "file,label\na.wav,0\n"),
    "scp": ("kaldi", "wav.scp", "a a.wav\n"),
}


@pytest.mark.parametrize(("layout", "name", "content"), TABLES.values(), ids=TABLES)
def test_a_table_behind_a_link_out_of_the_root_is_refused(
    tmp_path: Path, layout: params.Layout, name: str, content: str
) -> None:
    root = tmp_path / "root"
    touch(root, "a.wav", "english/a.wav", "utt2lang", "utt2spk")
    (root / "utt2lang").write_text("a eng\n")
    (root / "utt2spk").write_text("a a\n")
    touch(tmp_path, f"out/{name}")
    (tmp_path / "out" / name).write_text(content)
    (root / name).symlink_to(f"../out/{name}")
    given = {"speaker_pattern": None, "speaker_table": "speakers.csv", "labels": {0: "english", 1: "hindi"}}
    said = refusal(settings(layout, root, **given))
    assert f"{name}' (corpus.speaker_table) is a link" in said or f"{name} is a link" in said
    assert len(layouts.read(settings(layout, root, links=[str(tmp_path / "out")], **given)).entries) == 1


def test_links_lead_only_into_the_listed_folders_and_not_into_those_that_begin_alike(tmp_path: Path) -> None:
    touch(tmp_path, "blobs/a", "blobs2/b", "blobs/deep/c", "root/x.txt")
    rows = [["path", "language", "speaker"]]
    links = {"a": "../blobs/a", "b": "../blobs2/b", "c": "../blobs/deep/c", "d": "../blobs/up/b", "e": "/dev/zero"}
    (tmp_path / "blobs" / "up").symlink_to("../blobs2")
    for name, target in links.items():
        (tmp_path / "root" / f"{name}.wav").symlink_to(target)
        rows.append([f"{name}.wav", "english", name])
    write_csv(tmp_path / "root" / "metadata.csv", rows)
    listing = read("table", tmp_path / "root", tmp_path / "blobs")
    assert listed(listing) == ["a.wav", "c.wav"]
    assert reasons(listing) == dict.fromkeys(["b.wav", "d.wav", "e.wav"], "outside")
    assert [*reasons(read("table", tmp_path / "root", tmp_path / "blobs", tmp_path / "blobs2"))] == ["e.wav"]
    with pytest.raises(AudioError, match=r"list its folder in corpus\.links"):
        Files(tmp_path / "root").size("a.wav")


def test_links_to_folders_directly_in_the_root_may_lead_there_too(tmp_path: Path) -> None:
    touch(tmp_path, "store/s/x.wav", "root/x.txt")
    (tmp_path / "root" / "english").symlink_to("../store")
    corpus = {"speaker_pattern": r"(?P<speaker>[^/]+)/[^/]+$"}
    assert reasons(read("folders", tmp_path / "root", **corpus)) == {"english": "outside"}
    assert listed(read("folders", tmp_path / "root", tmp_path / "store", **corpus)) == ["english/s/x.wav"]


@pytest.mark.parametrize("make", [lambda path: None, Path.touch])
def test_a_folder_of_links_that_is_none_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    touch(tmp_path, "root/metadata.csv")
    make(tmp_path / "blobs")
    said = refusal(settings("table", tmp_path / "root", links=[str(tmp_path / "blobs")]))
    assert said == f"corpus.links '{tmp_path}/blobs' is not a folder; name one that links may lead into"


def test_the_archives_of_fleurs_are_read_once_they_are_unpacked_as_the_page_says(tmp_path: Path, project: Path) -> None:
    """The hub has them beside the tables, each with one folder in it, and in a cache they are links."""
    (tmp_path / "plain" / "data").mkdir(parents=True)
    corpus = fleurs(tmp_path / "plain" / "data", lambda path, number: path.touch())
    whole = read("fleurs", tmp_path / "plain")
    for folder in sorted((tmp_path / "plain").glob("data/*/audio/*")):
        with tarfile.open(f"{folder}.tar.gz", "w:gz") as archive:
            archive.add(folder, folder.name)
        for path in folder.iterdir():
            path.unlink()
        folder.rmdir()
    snapshot, blobs = cached(tmp_path / "hub", tmp_path / "plain")
    packed = read("fleurs", snapshot, blobs)
    assert (packed.entries, packed.skipped) == ([], {"*.tsv without audio": 6})
    [command] = re.findall(r"`(for archive in [^`]*)`", (project / "docs" / "corpora.md").read_text())
    subprocess.run(["/bin/sh", "-c", command], cwd=snapshot, check=True)
    assert read("auto", snapshot, blobs).entries == whole.entries
    assert len(whole.entries) == len(corpus.recordings)


def test_the_development_set_of_voxlingua107_lies_in_its_own_folder(tmp_path: Path) -> None:
    clips = ["dev/en/_EHGqmRh9Es__U__S130---0840.140-0846.350.wav", "en/--7wuD5VfjA__U__S1---0001.000-0002.000.wav"]
    touch(tmp_path, *clips, "dev/fr/_EHGqmRh9Es__U__S131---0850.140-0856.350.wav", "dev/en/readme.txt")
    listing = read("auto", tmp_path)
    assert "is read as layout 'voxlingua107'" in listing.notes[0]
    assert listed(listing) == clips
    assert [entry.group for entry in listing.entries] == ["_EHGqmRh9Es", "--7wuD5VfjA"]
    assert listing.skipped == {"dev/fr": 1, "*.txt": 1}
