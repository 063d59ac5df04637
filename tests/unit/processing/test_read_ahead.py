"""Short files side by side, in order all the same."""

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Barrier
from typing import Any

import numpy as np
import pytest

from processing.read_ahead import batches_of_files
from processing.rows import Rows
from tests.processing_job import Job


class File:
    """An input file with one batch, holding its name's number, and something to do before."""

    def __init__(self, number: int, *, is_short: bool = True, before: Callable[[], Any] = lambda: None) -> None:
        self.number, self.is_short, self.begun, self._before = number, is_short, False, before

    def batches(self) -> Iterator[Rows]:
        self.begun = True
        self._before()
        yield Rows(np.full((1, 1), float(self.number)), np.ones(1, np.int64))


def read(*files: Any) -> list[float]:
    return [batch.values.item() for _, batches in batches_of_files(files) for batch in batches]


def test_short_files_are_read_at_the_same_time_and_used_in_order() -> None:
    met = Barrier(2, timeout=30)  # breaks where one is read after the other
    assert read(File(0, before=met.wait), File(1, before=met.wait), File(2), File(3)) == [0, 1, 2, 3]


def test_a_long_file_is_begun_in_its_turn() -> None:
    files: list[Any] = [File(0), File(1, is_short=False), File(2)]
    turns = batches_of_files(files)
    next(turns)
    assert not files[1].begun
    assert [batch.values.item() for _, batches in turns for batch in batches] == [1, 2]


def test_a_file_fails_in_its_turn() -> None:
    def fail() -> None:
        raise ValueError("damaged")

    files: list[Any] = [File(0), File(1, before=fail)]
    turns = batches_of_files(files)
    assert [batch.values.item() for batch in next(turns)[1]] == [0]
    with pytest.raises(ValueError, match="damaged"):
        next(turns)


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_many_short_files_are_as_one(tmp_path: Path, suffix: str) -> None:
    rows = [f"{number},{number / 7}" for number in range(300)]
    many, one = Job(tmp_path / "many"), Job(tmp_path / "one")
    for start in range(0, 300, 10):
        many.add(f"{start:03d}{suffix}", "\n".join(["a,b", *rows[start : start + 10], ""]))
    one.add(f"all{suffix}", "\n".join(["a,b", *rows, ""]))
    assert many.run("a,b") == one.run("a,b") == 0
    np.testing.assert_array_equal(many.features(), one.features())
    assert [file["rows"] for file in many.moments()["files"]] == [10] * 30
