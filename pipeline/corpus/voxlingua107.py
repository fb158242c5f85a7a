"""The layout of VoxLingua107: one folder per language code, with clips named VIDEO__U__S7---0123.450-0130.120.wav.

https://cs.taltech.ee/staff/tanel.alumae/data/voxlingua107: a zip per code, and dev.zip, whose codes belong in dev/.
The video is the group: its speakers are not known, but they stay together.
"""

import posixpath
import re
from pathlib import Path

from pipeline.corpus.collector import Collector
from pipeline.corpus.paths import escaped, folders_of, kind, names_in, walk

CLIP = re.compile(r"(?P<video>.{11})__U__S\d+---(?P<start>\d+\.\d+)-(?P<end>\d+\.\d+)\.\w+")
DEV = "dev"


def recognise(root: Path) -> str | None:
    """Return why a folder matches this layout, or None."""
    for folder in _folders(root):
        if first := next(filter(CLIP.fullmatch, names_in(root / folder)), None):
            return f"{escaped(folder)}/ holds {escaped(first)}"
    return None


def read(collector: Collector) -> None:
    """List the clips in the folders of the languages; the times in the video are copied to columns."""
    collector.global_groups = True
    for folder in filter(collector.files.holds, _folders(collector.root)):
        language = collector.languages.find(posixpath.basename(folder))
        for path, error in walk(collector.root, folder, collector.skipped):
            match = CLIP.fullmatch(path.removeprefix(f"{folder}/"))
            if language is None:
                collector.skipped[escaped(folder)] += bool(match)
            elif error:
                collector.reject(path, error)
            elif match:
                times = {"video_start_s": match["start"], "video_end_s": match["end"]}
                collector.add(path, language, group=match["video"], columns=times)
            else:
                collector.skipped[kind(path)] += 1


def _folders(root: Path) -> list[str]:
    """Return the folders of the codes, also those in dev."""
    return [name for name in folders_of(root) if name != DEV] + [f"{DEV}/{name}" for name in folders_of(root / DEV)]
