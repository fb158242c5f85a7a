"""Groups are the recordings linked by a chain of shared speakers, sources, audio or speech."""

from pipeline.splits.groups import groups
from tests.splits.rows import recording


def test_recordings_linked_in_a_chain_are_one_group() -> None:
    rows = [
        recording(0, "a", "s0", group="tape"),
        recording(1, "b", "s1", group="tape", sha256="same"),
        recording(2, "a", "s2", sha256="same", speech="said"),
        recording(3, "a", "s3"),
        recording(4, "b", "s4", speech="said"),
    ]
    assert groups(rows).tolist() == [0, 0, 0, 1, 0]


def test_equal_names_of_a_speaker_a_source_an_audio_and_a_speech_link_nothing() -> None:
    rows = [
        recording(0, "a", "same"),
        recording(1, "a", "x", group="same"),
        recording(2, "a", "y", sha256="same"),
        recording(3, "a", "z", speech="same"),
    ]
    assert groups(rows).tolist() == [0, 1, 2, 3]


def test_groups_are_numbered_in_the_order_of_the_recordings() -> None:
    rows = [recording(number, "a", speaker) for number, speaker in enumerate("zaazb")]
    assert groups(rows).tolist() == [0, 1, 1, 0, 2]


def test_speakers_whose_names_differ_in_case_stay_together() -> None:
    rows = [recording(number, "a", name) for number, name in enumerate(["Ann", "bob", "ann"])]
    assert groups(rows).tolist() == [0, 1, 0]
