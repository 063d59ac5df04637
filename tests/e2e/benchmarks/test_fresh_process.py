from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.fresh_process import Usage, medians, run, take_turns

pytestmark = pytest.mark.e2e


def python(program: str) -> list[str]:
    return [sys.executable, "-S", "-c", program]


def test_a_program_is_measured_from_start_to_end() -> None:
    usage = run(python("import time; time.sleep(0.2); print('waited')"))
    assert usage.seconds >= 0.2
    assert usage.processor_seconds < usage.seconds
    assert usage.reported is None


def test_peak_memory_is_that_of_the_program_and_not_of_its_parent() -> None:
    ballast = b"x" * 150_000_000
    small, large = run(python("pass")), run(python("size = 60_000_000; b'x' * size"))
    assert len(ballast) / 1e6 > large.peak_mb > 60
    assert small.peak_mb < 40


def test_the_last_line_is_what_a_program_reports() -> None:
    assert run(python("print('noise'); print('{\"seconds\": 0.5}')")).reported == {"seconds": 0.5}


def test_a_program_that_fails_says_why() -> None:
    with pytest.raises(RuntimeError, match="exit code 3:\nno such file"):
        run(python("import sys; print('no such file', file=sys.stderr); sys.exit(3)"))


def test_programs_take_turns(tmp_path: Path) -> None:
    order = tmp_path / "order"
    names = ("first", "second")
    usages = take_turns({name: python(f"open({str(order)!r}, 'a').write('{name} ')") for name in names}, rounds=2)
    assert order.read_text().split() == ["first", "second", "first", "second"]
    assert tuple(usages) == names


def test_the_median_run_is_the_median_of_each_count() -> None:
    usages = [Usage(1, 9, 50, {"seconds": 5}), Usage(2, 8, 70, {"seconds": 3}), Usage(9, 1, 60, {"seconds": 4})]
    assert medians(usages) == Usage(2, 8, 60, {"seconds": 4})
