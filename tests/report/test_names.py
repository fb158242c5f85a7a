"""A report without names and voices holds neither, and everything else."""

import dataclasses

import pytest

from pipeline.report.answers import Answer
from pipeline.report.page import Results, render
from pipeline.rows import RejectedRow
from tests.report.sample import changed, everything, example, with_leaves

NAMES = ("Ann Lee", "Łukasz", "<b>bob</b>", "ann_lee-4", "7")


def named(results: Results) -> Results:
    """The results with names of people in every place that can hold some."""

    def rename(answer: Answer, number: int) -> Answer:
        row = dataclasses.replace(answer.row, speaker=NAMES[number % 3], recording=f"ann_lee-{number}")
        return dataclasses.replace(answer, row=row)

    answers = [rename(answer, number) for number, answer in enumerate(results.answers)]
    manifests = dict(results.files["manifests"])
    minutes = {key: dict(row) for key, row in manifests["minutes"].items()}
    for row in minutes.values():
        row["largest_speakers"] = dict(zip(("Evelyn", "7"), row["largest_speakers"].values(), strict=False))
    manifests |= {"minutes": minutes, "note": "'Łukasz' speaks 92% of hindi; see 7 of 9"}
    return changed(
        results,
        answers=answers,
        examples=[example(answers[0], 1)],
        manifests=manifests,
        search={"notes": ["hindi: of 5 speakers, Ann Lee alone has 40%", "Anna stays"]},
        rejected=[RejectedRow("ann/Lee.wav", "too_short", "Lee lasts 0.1 s")],
    )


@pytest.mark.parametrize("speakers", [True, False])
@pytest.mark.parametrize("audio", [True, False])
def test_names_and_voices_are_left_out_if_so_asked(speakers: bool, audio: bool) -> None:
    made = named(everything())
    page = render(changed(made, params=with_leaves(made, {"report.speakers": speakers, "report.audio": audio})))
    assert ("<audio" in page) is ("data:audio/mpeg;base64" in page) is audio
    for name in ("Ann Lee", "Łukasz", "bob", "ann_lee", "Evelyn", "Lee.wav", "speaker ann"):
        assert (name in page) is speakers, name
    assert "Example 1: waveform" in page  # pictures stay
    assert "Anna stays" in page
    if not speakers:
        assert "hindi: of 5 speakers, speaker 3 alone has 40%" in page
        assert "see 7 of 9" in page
