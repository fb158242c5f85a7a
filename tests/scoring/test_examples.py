"""The recordings to show are of every kind, and their frames are those that were scored."""

import csv
from pathlib import Path

import numpy as np

from pipeline.scoring import evaluation, examples
from pipeline.scoring.examples import EACH, EXCERPT_S
from pipeline.streaming.description import Description
from tests.scoring.conftest import Case, hand_made


def test_languages_take_turns_among_typical_right_and_confident_wrong_answers(description: Description) -> None:
    first, second, *_ = description.languages
    scores = [hand_made(description, first, *[0] * n) for n in (1, 2, 3, 9)]
    scores += [hand_made(description, *one) for one in ((second, 1), (first, 1), (second, 0, 0))]
    chosen = examples.choose(scores)
    by_why = {why: [scored for given, scored in chosen if given == why] for why, _ in chosen}
    assert [scored.row.language for scored in by_why["right"]].count(second) == 1
    assert [scored.row.language for scored in by_why["wrong"]] == [first, second]
    assert len({id(scored) for _, scored in chosen}) == len(chosen)
    assert [len(by_why[why]) for why in ("right", "wrong", "silent")] == [EACH, 2, 1]
    scores = [hand_made(description, first, *[0] * n) for n in (9, 8, 7, 2, 6, 5)]
    assert examples.choose(scores)[-1] == ("silent", scores[3])  # the least speech
    assert examples.choose([]) == []


def test_the_frames_written_are_those_of_the_network(case: Case, tmp_path: Path) -> None:
    network = case.network()
    chosen = [("right", evaluation.score_offline(row, network)) for row in case.rows[:3]]
    rows = examples.write(tmp_path, chosen, network)  # type: ignore[arg-type]
    with (tmp_path / "frames.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert header == ["recording", "frame", "time_s", "speech", *case.description.classes]
    for shown, row in zip(rows, case.rows, strict=False):
        wanted = network.frames(row.recording, 0, network.n_frames(row.recording))
        mine = [line for line in lines if line[0] == row.recording]
        assert [int(line[1]) for line in mine] == list(range(len(wanted.speech)))
        assert [line[3] == "1" for line in mine] == wanted.speech.tolist()
        found = np.array([[float(cell or "nan") for cell in line[4:]] for line in mine])
        np.testing.assert_allclose(found, wanted.posteriors, atol=1e-6)
        assert (shown.recording, shown.start_s) == (row.recording, 0)
        assert shown.end_s - shown.start_s <= EXCERPT_S
