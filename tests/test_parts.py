"""A file that comes or goes changes its own part and at most the neighbours of it."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import parts

SIZES = st.lists(st.integers(0, 3 * parts.LEAST_BYTES), max_size=200)


@given(sizes=SIZES)
def test_every_file_is_in_one_part_in_order_and_no_part_is_too_large(sizes: list[int]) -> None:
    found = parts.cut([str(number) for number in range(len(sizes))], sizes)
    assert [number for part in found for number in part] == list(range(len(sizes)))
    for part in found:
        size = sum(sizes[number] + parts.FILE_BYTES for number in part)
        assert len(part) == 1 or size <= parts.MOST_BYTES


@given(seed=st.integers(0, 2**32 - 1), n_files=st.integers(1, 400))
def test_a_file_that_goes_changes_its_own_part_and_its_neighbours(seed: int, n_files: int) -> None:
    rng = random.Random(seed)
    names = [f"{rng.getrandbits(64):016x}" for _ in range(n_files)]
    files = sorted(zip(names, (rng.randrange(parts.LEAST_BYTES // 4) for _ in names), strict=True))
    gone = rng.randrange(n_files)

    def cut(files: list[tuple[str, int]]) -> list[frozenset[str]]:
        if not files:
            return []
        names, sizes = zip(*files, strict=True)
        return [frozenset(names[number] for number in part) for part in parts.cut(names, sizes)]

    before, after = cut(files), cut(files[:gone] + files[gone + 1 :])
    [own] = [number for number, part in enumerate(before) if files[gone][0] in part]
    lost = [number for number, part in enumerate(before) if part not in after]
    assert set(lost) <= {own - 1, own, own + 1}
    assert len(set(after) - set(before)) <= 3


@pytest.mark.parametrize("size", [0, 200_000])
def test_parts_have_about_eight_megabytes(size: int) -> None:
    found = parts.cut([f"{number}.flac" for number in range(5000)], [size] * 5000)
    mean = 5000 * (size + parts.FILE_BYTES) / len(found)
    assert parts.LEAST_BYTES < mean < 3 * parts.LEAST_BYTES
