"""The endings of the formats that `decode` reads. Folders are searched for them; a file that is named needs none."""

import posixpath

_LISTED = """
    .wav .wave .wavex .bwf .rf64 .w64 .aif .aiff .aifc .svx .8svx .16sv .iff .caf .au .snd .sph .nist .voc .flac
    .ogg .oga .opus .mp3 .mp2 .mp1 .mpga .avr .mpc .mpc2k .sds .wve .mat4 .mat5 .xi .htk .paf .fap .pvf .sf .ircam
    .mp4 .m4a .m4b .m4v .mov .qt .3gp .3gpp .3g2 .3ga .f4v .wma .wmv .asf .amr .awb .aac .adts
    .mkv .mka .webm .weba .avi .flv .mpg .mpeg .vob
"""
ENDINGS = frozenset(_LISTED.split())
"""Listed by format in docs/formats.md. Not `.mat`, which mostly holds other data."""


def is_audio(path: str) -> bool:
    """Tell by the ending of a name if its file is treated as audio: rejected, not skipped, if it can't be read."""
    return posixpath.splitext(path)[1].lower() in ENDINGS
