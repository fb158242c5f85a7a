"""Small corpora in exactly the form in which each of them is published, or in which the homework came."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.corpus.corpora import write_csv

Sound = Callable[[Path, int], None]  # writes a recording of some seconds, another for every number

LANGUAGES = ("english", "Mandarin")
VIDEOS = ("--7wuD5VfjA", "0a-bc_DEF12")


@dataclass
class Published:
    """A corpus on disk, with what its recordings should be.

    Attributes
    ----------
    recordings
        Path, language, speaker and group of each; speaker "" is not known.
    changes
        Parameters that differ from those of the project.
    """

    root: Path
    recordings: list[tuple[str, str, str, str]] = field(default_factory=list)
    changes: dict[str, Any] = field(default_factory=dict)
    _made: int = 0

    def make(self, path: str, sound: Sound, language: str = "", who: str = "", group: str = "") -> str:
        """Write the audio at a path, and note its recording."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        sound(self.root / path, self._made)
        self._made += 1
        self.recordings += [(path, language, who, group)] * bool(language)
        return path


def homework(root: Path, sound: Sound) -> Published:
    """WAV files in one folder, and a table of integers without a header."""
    corpus = Published(root, changes={"labels": {0: "english", 2: "Mandarin"}})
    paths = [corpus.make(f"utt_{number:03d}.wav", sound, LANGUAGES[number % 2]) for number in range(6)]
    write_csv(root / "labels.csv", [[path, (0, 2)[number % 2]] for number, path in enumerate(paths)])
    return corpus


def folders(root: Path, sound: Sound) -> Published:
    """One folder per language, and a speaker table."""
    corpus = Published(root)
    for number in range(6):
        language = LANGUAGES[number % 2]
        corpus.make(f"train_{language.lower()}/{number}.wav", sound, language, f"s{number}")
    write_csv(root / "speakers.csv", [["path", "speaker"], *([path, who] for path, _, who, _ in corpus.recordings)])
    return corpus


def table(root: Path, sound: Sound) -> Published:
    """metadata.csv with the columns path, language and speaker."""
    corpus = Published(root)
    for number in range(6):
        corpus.make(f"audio/{number}.wav", sound, LANGUAGES[number % 2], f"s{number}", f"tape {number}")
    write_csv(root / "metadata.csv", [["path", "language", "speaker", "group"], *corpus.recordings])
    return corpus


def commonvoice(root: Path, sound: Sound) -> Published:
    """Both halves, as of September 2026: tables separated by tabs, in which quotes are plain characters."""
    corpus = Published(root)
    columns = "client_id path sentence_id sentence sentence_domain up_votes down_votes age gender accents variant"
    header = f"{columns} locale segment".split()
    for locale, language in (("en", "english"), ("zh-CN", "Mandarin")):
        rows = []
        for number in range(4):
            clip = f"common_voice_{locale}_{18_000_000 + number}.mp3"
            who = f"{number:x}{'ab12' * 31}{locale}"[:128]
            corpus.make(f"{locale}/clips/{clip}", sound, language, who)
            sentence = 'He said "hello, but did not mean it.'
            rows.append([who, clip, f"{number:x}" * 64, sentence, "", 2, 0, "twenties", "", "", "", locale, ""])
        for name, part in {
            "validated": rows, "train": rows[:2], "dev": rows[2:3], "test": rows[3:], "other": [], "invalidated": [],
        }.items():  # fmt: skip
            tabs(root / locale / f"{name}.tsv", [header, *part])
        tabs(root / locale / "clip_durations.tsv", [["clip", "duration[ms]"]])
        tabs(root / locale / "reported.tsv", [REPORTED_SENTENCES, ["f" * 64, "No clip.", locale, "different-language"]])
        release, rows = f"sps-corpus-5.0-2026-09-11-{locale}", []
        for number, split in enumerate(("train", "dev", "test", "unassigned")):
            clip = f"spontaneous-speech-{locale}-{number}.mp3"
            who = f"{number:x}{'cd34' * 31}{locale}"[:128]
            corpus.make(f"{release}/audios/{clip}", sound, language, who)
            rows.append(spontaneous(who, number, clip, split))
        tabs(root / release / f"ss-corpus-{locale}.tsv", [SPONTANEOUS, *rows])
        tabs(root / release / f"ss-reported-audios-{locale}.tsv", [REPORTED_AUDIOS])
    return corpus


REPORTED_SENTENCES = ["sentence_id", "sentence", "locale", "reason"]
AUDIO = "client_id audio_id audio_file duration_ms prompt_id prompt"
REPORTED_AUDIOS = f"{AUDIO} reason comment language".split()
OF_SPEAKERS = "age gender accents variant language prompt_upvotes prompt_reports is_edited"
SPONTANEOUS = f"{AUDIO} transcription votes {OF_SPEAKERS} split char_per_sec quality_tags".split()


def spontaneous(who: str, number: int, clip: str, split: str = "train", tags: str = "") -> list[Any]:
    """A row of ss-corpus-LOCALE.tsv."""
    said = ["Why?", "[noise] Because.", 1, "twenties", "", "", "", "English", 1, 0, 0]
    return [who, number, clip, 3000, 7, *said, split, 5.3, tags]


def voxlingua107(root: Path, sound: Sound) -> Published:
    """One folder per code; the name of a clip holds the video, which may begin with a hyphen, and its times."""
    corpus = Published(root)
    for code, language in (("en", "english"), ("zh", "Mandarin")):
        for number in range(4):
            video = VIDEOS[number % 2][:-2] + code
            name = f"{video}__U__S{number}---{100 * number + 8.39:08.3f}-{100 * number + 26.29:08.3f}.wav"
            corpus.make(f"{code}/{name}", sound, language, group=video)
    return corpus


def fleurs(root: Path, sound: Sound) -> Published:
    """One folder per language; tables separated by tabs, without a header."""
    corpus = Published(root)
    for code, language in (("en_us", "english"), ("cmn_hans_cn", "Mandarin")):
        for split, sentences in (("train", (903, 903, 904)), ("dev", (17,)), ("test", (1905,))):
            rows = []
            for number, sentence in enumerate(sentences):
                name = f"{10**18 + corpus._made * 97}.wav"
                corpus.make(f"{code}/audio/{split}/{name}", sound, language, group=str(sentence))
                gender = ("FEMALE", "MALE")[number % 2]
                rows.append([sentence, name, 'A "tornado" is.', "a tornado is", "a | t", 40_000, gender])
            tabs(root / code / f"{split}.tsv", rows)
    return corpus


def kaldi(root: Path, sound: Sound) -> Published:
    """A data directory with segments, of calls with two channels."""
    corpus = Published(root)
    tables: dict[str, list[str]] = {name: [] for name in ("segments", "utt2spk", "utt2lang", "spk2utt", "text")}
    files, channels = [], []
    for call in range(2):
        path = corpus.make(f"calls/{call}.wav", sound)
        for channel, language in zip("AB", LANGUAGES, strict=True):
            recording = f"call{call}-{channel}"
            files.append(f"{recording} {root.resolve() / path if call else path}")
            channels.append(f"{recording} call{call} {channel}")
            for segment in range(2):
                who = f"spk{call}{channel}"
                utterance = f"{who}-{recording}-{segment}"
                tables["segments"].append(f"{utterance} {recording} {segment * 1.25:.2f} {segment * 1.25 + 1:.2f}")
                tables["utt2spk"].append(f"{utterance} {who}")
                tables["utt2lang"].append(f"{utterance} {'eng' if language == 'english' else 'zho'}")
                corpus.recordings.append((path, language, who, ""))
    for name, lines in {**tables, "wav.scp": files, "reco2file_and_channel": channels}.items():
        (root / name).write_text("".join(f"{line}\n" for line in sorted(lines)), encoding="utf-8")
    return corpus


PUBLISHED: dict[str, Callable[[Path, Sound], Published]] = {
    build.__name__: build for build in (homework, folders, table, commonvoice, voxlingua107, fleurs, kaldi)
}


def tabs(path: Path, rows: list[list[Any]]) -> None:
    """Write cells separated by tabs."""
    path.write_text("".join("\t".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
