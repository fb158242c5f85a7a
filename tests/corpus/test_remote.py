"""Corpora behind an address: the same listing and the same audio as from a folder, and no file fetched in vain."""

import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import numpy as np
import pytest
import s3fs
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from pipeline import params, parts
from pipeline.cache import Cache
from pipeline.corpus import digests, layouts, mirrors, remote
from pipeline.corpus.entries import Entry, Listing
from pipeline.errors import ArtifactError, CorpusError
from pipeline.ingest import job
from pipeline.ingest.decoding import ingest
from pipeline.ingest.part import SourceFile, divide
from tests import s3, web
from tests.corpus.corpora import listed, reasons, refusal, settings, touch, write_csv
from tests.corpus.published import PUBLISHED, Published
from tests.programs import digests as contents
from tests.web import Web

RATE = 16000
AUDIO = params.Audio(sample_rate=RATE, channels="mix", min_duration=0.5)


def sound(path: Path, number: int) -> None:
    soundfile.write(path, np.random.default_rng(number).normal(0, 0.1, RATE), RATE, format="WAV")


@pytest.fixture(autouse=True)
def apart(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is known from elsewhere, and nothing is waited for."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
    monkeypatch.setattr(remote, "TRIES_AFTER_S", (0, 0, 0))
    monkeypatch.setattr(mirrors, "_MIRRORS", {})


def again() -> None:
    """List stores again, as another process does."""
    mirrors._MIRRORS.clear()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Web]:
    """A web server with the folder `in`, which says when a content is another."""
    (tmp_path / "in").mkdir()
    with web.serving(tmp_path / "in") as running:
        yield running


@pytest.fixture(params=PUBLISHED)
def corpus(request: pytest.FixtureRequest, tmp_path: Path) -> Published:
    """A corpus in each layout, in a folder of its name, whose tables have no absolute paths."""
    (tmp_path / request.param).mkdir()
    made = PUBLISHED[request.param](tmp_path / request.param, sound)
    touch(made.root, "._a.wav", "notes.txt", "हिन्दी 普通话/a b%20#?.wav")
    for scp in made.root.glob("wav.scp"):
        scp.write_text(scp.read_text().replace(f" {made.root}/", " "))
    return made


def same_as_the_folder(corpus: Published, url: str) -> None:
    changes = {"languages": ("english", "Mandarin"), "speaker_pattern": None} | corpus.changes
    changes["speaker_table"] = "speakers.csv" if corpus.root.name == "folders" else None
    here, there = (layouts.read(settings("auto", root, **changes)) for root in (corpus.root, url))
    assert there.entries == here.entries
    assert len(there.entries) == len(corpus.recordings)
    assert there.notes == [note.replace(str(corpus.root), url) for note in here.notes]
    assert replace(there, notes=[]) == replace(here, notes=[])


def test_every_layout_is_listed_as_from_a_folder(corpus: Published) -> None:
    with web.serving(corpus.root.parent) as site:
        same_as_the_folder(corpus, f"{site.url}/{corpus.root.name}")
        assert not [file for file in site.fetched() if file.endswith((".wav", ".mp3"))]


@pytest.mark.slow
def test_every_layout_is_listed_in_a_bucket_as_from_a_folder(corpus: Published, bucket: boto3.client) -> None:
    same_as_the_folder(corpus, s3.upload(bucket, corpus.root, s3.BUCKET, corpus.root.name))


def test_an_absolute_path_of_kaldi_may_be_an_address_below_the_root(tmp_path: Path, site: Web) -> None:
    touch(tmp_path / "in", "calls/0.wav")
    tables = {"wav.scp": f"{site.url}/calls/0.wav", "utt2lang": "hi", "utt2spk": "s"}
    for name, value in tables.items():
        (tmp_path / "in" / name).write_text(f"a {value}\n")
    assert listed(layouts.read(settings("kaldi", site.url, speaker_pattern=None))) == ["calls/0.wav"]


def corpus_of(root: Any, number: int = 6) -> params.Corpus:
    """Parameters of a table of recordings, which is written if the root is a folder."""
    if isinstance(root, Path):
        (root / "clips").mkdir()
        for each in range(number):
            sound(root / "clips" / f"{each}.wav", each)
        rows = [(f"clips/{each}.wav", "hindi", f"s{each}") for each in range(number)]
        write_csv(root / "metadata.csv", [("path", "language", "speaker"), *rows])
    return settings("table", root, speaker_pattern=None)


def files_of(corpus: params.Corpus, cache: Cache) -> list[SourceFile]:
    """What the stage ingest reads of a corpus."""
    entries, _, _ = digests.digests(layouts.roots(corpus), layouts.read(corpus).entries, cache)
    return [file for files in divide(entries, layouts.roots(corpus)) for file in files]


def run(corpus: params.Corpus, folder: Path, cache: Cache) -> tuple[list[Entry], list[bool]]:
    """The stages corpus and ingest as another process runs them: entries, and which parts are reused."""
    again()
    listing = layouts.read(corpus)
    entries, rejected, _ = digests.digests(layouts.roots(corpus), listing.entries, cache)
    assert not listing.rejected + rejected
    folder.mkdir()
    bound: dict[str, Any] = {"left_out": frozenset(), "keep": True, "settings": AUDIO, "cache": cache}
    divided = divide(entries, layouts.roots(corpus))
    return entries, [job.ingest_part(part, folder=folder, **bound)[1] for part in divided]


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "LEAST_BYTES", 1 << 14)
    monkeypatch.setattr(parts, "MOST_BYTES", 1 << 16)


def test_the_audio_is_that_from_a_folder_and_nothing_is_fetched_twice(
    tmp_path: Path, site: Web, small_parts: None
) -> None:
    root, cache = tmp_path / "in", Cache(tmp_path / "cache")
    clips = [f"clips/{number}.wav" for number in range(6)]
    here, _ = run(corpus_of(root), tmp_path / "here", Cache(tmp_path / "other"))
    there, reused = run(corpus_of(site.url), tmp_path / "there", cache)
    assert contents(tmp_path / "there") == contents(tmp_path / "here")
    assert [replace(entry, sha256="") for entry in there] == [replace(entry, sha256="") for entry in here]
    assert [entry.sha256 for entry in there] == [f"etag:{entry.sha256}" for entry in here]  # here, a digest as well
    assert site.fetched() == [*clips, "metadata.csv"]
    assert len(reused) > 2

    assert all(run(corpus_of(site.url), tmp_path / "second", cache)[1])
    assert site.fetched() == []
    assert contents(tmp_path / "second") == contents(tmp_path / "here")

    sound(root / "clips" / "3.wav", 99)
    _, reused = run(corpus_of(site.url), tmp_path / "third", cache)
    fetched = site.fetched()
    assert "clips/3.wav" in fetched
    assert reused.count(False) == 1
    assert len(fetched) < len(clips)

    (root / "clips" / "5.wav").unlink()
    rows = (root / "metadata.csv").read_text().splitlines()
    (root / "metadata.csv").write_text("\n".join(rows[:-1]))
    entries, reused = run(corpus_of(site.url), tmp_path / "fourth", cache)
    assert [entry.path for entry in entries] == clips[:-1]
    assert "metadata.csv" in site.fetched()
    assert reused.count(False) <= 2


def test_without_a_digest_of_the_store_a_file_is_read_once_and_known_by_size_and_time(
    tmp_path: Path, site: Web
) -> None:
    site.has_etags = False
    root, cache = tmp_path / "in", Cache(tmp_path / "cache")
    here = corpus_of(root, 3)
    for file in root.rglob("*.wav"):
        os.utime(file, (1e9, 1e9))

    def digested(corpus: params.Corpus) -> list[str]:
        again()
        return [
            entry.sha256 for entry in digests.digests(layouts.roots(corpus), layouts.read(corpus).entries, cache)[0]
        ]

    there = corpus_of(site.url)
    assert digested(there) == digested(here)
    assert site.fetched() == ["clips/0.wav", "clips/1.wav", "clips/2.wav", "metadata.csv"]
    assert digested(there) == digested(here)
    assert site.fetched() == ["metadata.csv"]
    sound(root / "clips" / "1.wav", 9)  # just now: it may change again within the second
    for _ in range(2):
        assert digested(there) == digested(here)
        assert site.fetched() == ["clips/1.wav", "metadata.csv"]


@pytest.mark.parametrize("has_etags", [True, False])
def test_a_file_that_changes_after_the_listing_ends_the_run(tmp_path: Path, site: Web, has_etags: bool) -> None:
    site.has_etags = has_etags
    corpus_of(tmp_path / "in", 2)
    part = files_of(corpus_of(site.url), Cache(tmp_path / "cache"))
    ingest(part, None, AUDIO)
    for spoil in (lambda path: sound(path, 9), Path.unlink):
        spoil(tmp_path / "in" / "clips" / "1.wav")
        with pytest.raises(ArtifactError, match=r"/clips/1\.wav' has changed since the corpus was listed; run the sam"):
            ingest(part, None, AUDIO)
    found = ingest([replace(file, sha256="") for file in part], None, AUDIO)  # as `lid check` does
    assert [(row.path, row.reason) for row in found.rejected] == [("clips/1.wav", "missing")]


def test_a_table_that_changes_while_it_is_fetched_is_not_kept_as_the_listed_one(tmp_path: Path, site: Web) -> None:
    corpus_of(tmp_path / "in", 2)
    table = tmp_path / "in" / "metadata.csv"

    def meanwhile(request: str) -> None:
        if request == "GET /metadata.csv":
            table.write_text(table.read_text() + "\n")

    site.meanwhile = meanwhile
    with pytest.raises(ArtifactError, match=r"/metadata\.csv' has changed"):
        layouts.read(corpus_of(site.url))
    site.meanwhile = lambda request: None
    again()
    assert len(layouts.read(corpus_of(site.url)).entries) == 2


@pytest.mark.parametrize(
    ("info", "digest", "seconds"),
    [
        ({"ETag": '"0f-a1"'}, "etag:0f-a1", 0),
        ({"ETag": 'W/"0fa1"'}, "", 0),  # weak
        ({"etag": "x\n,y"}, "", 0),
        ({"etag": "é"}, "", 0),
        ({"etag": "x" * 201}, "", 0),
        ({"etag": "x", "md5Hash": "9+/="}, "md5:9+/=", 0),
        ({"Last-Modified": "Sun, 09 Sep 2001 01:46:40 GMT"}, "", 1e9),
        ({"Last-Modified": "now"}, "", 0),
        ({"mtime": datetime.fromtimestamp(1e9, UTC)}, "", 1e9),  # as of SFTP
        ({"mtime": 1.5}, "", 1.5),
    ],
)
def test_a_digest_that_changes_with_the_content_and_a_time_count(
    info: dict[str, Any], digest: str, seconds: float
) -> None:
    assert remote.Stored.of(info | {"size": 7}) == remote.Stored(7, digest, int(seconds * 1e9))
    assert remote.Stored.of(info).size == 0


def outside(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have mirrors in a folder of their own."""
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))


def hostile(listing: Listing, folder: Path) -> dict[str, str]:
    """Reasons by path, if no file has been made but those that are listed."""
    [mirror] = (path for place in folder.iterdir() for path in place.iterdir())
    made = {path.relative_to(mirror).as_posix() for path in mirror.rglob("*") if path.is_file()}
    found = reasons(listing)
    assert made - {*listed(listing)} == {"hindi/s/n\u202el.wav"}
    assert found.pop("'hindi/s/n\\u202el.wav'") == "name"
    return found


def test_hostile_links_of_a_page_are_no_paths(tmp_path: Path, site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    outside(monkeypatch, tmp_path / "temporary")
    touch(tmp_path / "in", "hindi/s/a.wav", "hindi/s/b c.wav", "hindi/t/d.wav")
    ignored = ["/other/e.wav", "/hindi/s/", "./", "../", ".", "?C=N;O=D", "a.wav?x", "#top", "http://elsewhere/x.wav"]
    bad = {
        "../t/d.wav": "name", "../../up.wav": "name", "%2e%2e/x.wav": "name", "x%2F..%2Fy.wav": "name",
        "n%00.wav": "name", f"{'l' * 256}.wav": "name", "gone.wav": "missing", "mailto:a": "missing",
    }  # fmt: skip
    links = ["a.wav", "./a.wav", "b%20c.wav", "n%E2%80%AEl.wav", *ignored, *bad]
    site.answers["GET /hindi/s/"] = "".join(f'<a href="{link}">x</a>' for link in links)
    site.answers |= {f"HEAD /hindi/s/{'l' * 256}.wav": "", "HEAD /hindi/s/n\u202el.wav": ""}
    listing = layouts.read(settings("folders", site.url))
    assert listed(listing) == ["hindi/s/a.wav", "hindi/s/b c.wav", "hindi/t/d.wav"]
    assert hostile(listing, tmp_path / "temporary") == {f"hindi/s/{name}": reason for name, reason in bad.items()}


def test_hostile_keys_of_a_bucket_are_no_paths(
    bucket: boto3.client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside(monkeypatch, tmp_path / "temporary")
    good = [
        "s/a.wav",
        "s/b c%20.wav",
        "s/*?[1].wav",
        "s/a::b.wav",
        "s/-n.wav",
        "s/हिन्दी.wav",
        "s/\\x.wav",
        "s/f.wav/b.wav",
    ]
    bad = {
        "../up.wav": "name", "s/../../../up.wav": "name", "s//e.wav": "name", "s/./e.wav": "name", "/e.wav": "name",
        "s/f.wav": "name", f"s/{'l' * 256}.wav": "name",
    }  # fmt: skip
    bucket.put_object(Bucket=s3.BUCKET, Key="hostile/")  # as a console marks a folder
    for name in [*good, *bad, "s/n\u202el.wav", "", "s/"]:
        bucket.put_object(Bucket=s3.BUCKET, Key=f"hostile/hindi/{name}", Body=b"x" * 9 * bool(name[-1:].strip("/")))
    listing = layouts.read(settings("folders", f"s3://{s3.BUCKET}/hostile/"))
    assert listed(listing) == sorted(f"hindi/{name}" for name in good)
    assert {entry.size for entry in listing.entries} == {9}
    assert hostile(listing, tmp_path / "temporary") == {f"hindi/{name}": reason for name, reason in bad.items()}


FAILURES = [
    ("s3://nobody/x", "there is no 's3://nobody/x' (The specified bucket does not exist)"),
    ("s3://corpora/nothing", "'s3://corpora/nothing' holds no files; name the folder"),
    ("s3://corpora/a.wav", "'s3://corpora/a.wav' holds no files; name the folder"),
    ("foo://x", "'foo://x' can't be opened (Protocol not known: foo); name a folder, or install"),
    ("gs://x", "'gs://x' can't be opened (Please install gcsfs to access Google Storage); name a folder, or install"),
    ("http://127.0.0.1:9/x", "'http://127.0.0.1:9/x/' can't be read (Cannot connect to host 127.0.0.1:9"),
    *((url, f"'{url}' is not the plain address of a folder elsewhere; write it as s3://bucket/folder")
      for url in ("s3://", "s3://corpora/..", "file:///tmp", "zip://a::s3://corpora/a", "http://a:b@host/x",
                  "http://host/x?a=b", "http://[x/y")),
]  # fmt: skip


@pytest.mark.parametrize(("url", "message"), FAILURES)
def test_an_address_that_can_not_be_listed_is_one_sentence(bucket: boto3.client, url: str, message: str) -> None:
    bucket.put_object(Bucket=s3.BUCKET, Key="a.wav", Body=b"x")
    assert message in refusal(settings("auto", url))


def test_missing_and_wrong_credentials_are_one_sentence(
    bucket: boto3.client, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    s3fs.S3FileSystem.clear_instance_cache()
    said = refusal(settings("auto", f"s3://{s3.BUCKET}"))
    assert "'s3://corpora' can't be read (Unable to locate credentials); check the address, the network and" in said


def test_failures_that_pass_are_not_seen_and_others_stop_the_run(tmp_path: Path, site: Web) -> None:
    corpus_of(tmp_path / "in", 3)
    passing = {"GET /clips/", "HEAD /clips/1.wav", "GET /metadata.csv", "GET /clips/2.wav"}

    def once(request: str) -> None:
        if site.answers.pop(request, None) is None and request in passing:
            site.answers[request] = 503
            passing.remove(request)

    site.meanwhile = once
    corpus = corpus_of(site.url)
    part = files_of(corpus, Cache(tmp_path / "cache"))
    assert len(ingest(part, None, AUDIO).rows) == 3
    assert not passing

    site.meanwhile = lambda request: None
    site.answers["GET /clips/2.wav"] = 503
    with pytest.raises(CorpusError, match=r"/clips/2\.wav' can't be read \(503, .*finished work is reused"):
        ingest(part, None, AUDIO)
    for request in ("GET /metadata.csv", "HEAD /clips/1.wav", "GET /clips/"):  # no folder is left out in silence
        site.answers = {request: 503, f"GET{request.removeprefix('HEAD')}": 503}
        again()
        (tmp_path / "in" / "metadata.csv").write_text((tmp_path / "in" / "metadata.csv").read_text() + "\n")
        assert f"{site.url}{request.partition(' ')[2]}' can't be read (503, " in refusal(corpus)


def test_a_server_that_stops_in_the_middle_is_given_up(
    tmp_path: Path, site: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path / "in", "a.wav")
    ended = threading.Event()
    site.meanwhile = lambda request: ended.wait(60)
    monkeypatch.setattr(remote, "FETCH_S", 1)
    with pytest.raises(CorpusError, match=r"/a\.wav' can't be read \(FSTimeoutError\)"):
        remote.fetch(f"{site.url}/a.wav", tmp_path / "copy", 0)
    ended.set()


PARTS = st.sampled_from(["a", "b.wav", "", ".", "..", "\0", "\\", "~", "*", "\ud800", "é", "e\u0301", "l" * 300, "%2F"])
NAMES = st.lists(PARTS | st.text(max_size=4), min_size=1, max_size=4).map("/".join)


@given(keys=st.lists(NAMES, unique=True, max_size=12), size=st.integers(-(2**70), 2**70))
def test_any_name_is_a_file_below_the_mirror_or_rejected(keys: list[str], size: int) -> None:
    everything = [(f"/top/{name}", {"size": size, "type": "file"}) for name in keys]
    with tempfile.TemporaryDirectory() as place, pytest.MonkeyPatch.context() as patch:
        patch.setattr(remote, "_everything", lambda system, top: everything)
        found, unusable = remote.listed("memory://top")
        mirror = mirrors.Mirror("memory://top", Path(place, "inside", "top"), found, unusable)
        mirrors._write(mirror)
        made = [path for path in Path(place).rglob("*") if not path.is_dir()]
        assert sorted(f"{mirror.folder}/{name}" for name in mirror.files) == sorted(map(str, made))
    assert not {*mirror.files} & {*mirror.unusable}
    assert {*mirror.files} | {*mirror.unusable} == {name for name in keys if not name.endswith("/") and name}


def test_folders_without_an_end_are_refused(site: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MAX_DEPTH", 3)
    site.meanwhile = lambda request: site.answers.setdefault(request, '<a href="x/">x</a>')
    assert f"'{site.url}/x/x/x/x' is in more than 3 folders; move it up" in refusal(settings("auto", site.url))
