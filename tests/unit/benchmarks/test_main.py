from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks.measurement import Group, Results, Row


@pytest.mark.parametrize(("compared", "pictures"), [(1, []), (2, ["reading.png"])])
def test_a_group_of_a_single_comparison_has_no_picture_and_loses_an_older_one(
    compared: int, pictures: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Results, "read", classmethod(lambda cls: Results()))
    monkeypatch.setattr(Results, "write", lambda self: None)
    monkeypatch.setattr(bench, "picture_path", lambda name: tmp_path / f"{name}.png")
    monkeypatch.setattr(bench, "OVERVIEW", tmp_path / "overview.png")
    (tmp_path / "reading.png").touch()
    bench.keep("reading", Group(rows=(Row(name="read", unit="s", ours=1.0, beside="NumPy", theirs=2.0),) * compared))
    assert [path.name for path in tmp_path.iterdir()] == pictures
    assert all(path.stat().st_size for path in tmp_path.iterdir())
