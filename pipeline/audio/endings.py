"""The endings of the formats that `decode` reads. Folders are searched for them; a file that is named needs none."""

import posixpath

ENDINGS = {
    "WAV, RF64": ".wav .wave .wavex .bwf .rf64",
    "W64": ".w64",
    "AIFF": ".aif .aiff .aifc",
    "8SVX, 16SV": ".svx .8svx .16sv .iff",
    "CAF": ".caf",
    "AU": ".au .snd",
    "NIST": ".sph .nist",
    "VOC": ".voc",
    "FLAC": ".flac",
    "Ogg": ".ogg .oga .opus",
    "MP3": ".mp3 .mp2 .mp1 .mpga",
    "AVR": ".avr",
    "MPC2K": ".mpc .mpc2k",
    "SDS": ".sds",
    "WVE": ".wve",
    "MAT4, MAT5": ".mat4 .mat5",
    "XI": ".xi",
    "HTK": ".htk",
    "PAF": ".paf .fap",
    "PVF": ".pvf",
    "IRCAM": ".sf .ircam",
    "MP4": ".mp4 .m4a .m4b .m4v .mov .qt .3gp .3gpp .3g2 .3ga .f4v",
    "WMA": ".wma .wmv .asf",
    "AMR": ".amr .awb",
    "AAC": ".aac .adts",
    "Matroska": ".mkv .mka .webm .weba",
    "AVI": ".avi",
    "FLV": ".flv",
    "MPEG": ".mpg .mpeg .vob",
}
"""By format, as docs/formats.md names it. Not `.mat`, which mostly holds other data."""

ALL = frozenset(" ".join(ENDINGS.values()).split())


def is_audio(path: str) -> bool:
    """Tell by the ending of a name if its file is treated as audio: rejected, not skipped, if it can't be read."""
    return posixpath.splitext(path)[1].lower() in ALL
