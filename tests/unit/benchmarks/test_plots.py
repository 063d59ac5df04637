from __future__ import annotations

from pathlib import Path

from benchmarks.measurement import Group, Growth, Row
from benchmarks.plots import draw

ROW = Row(name="read", unit="s", ours=3.0, beside="NumPy", theirs=2.0, max_ratio=4)


def test_growth_of_time_and_memory_each_get_a_panel(tmp_path: Path) -> None:
    time = Growth(name="read", sizes=(10, 100), seconds=(1.0, 9.0))
    memory = time.model_copy(update={"peak_mb": (50.0, 51.0)})
    from matplotlib.image import imread

    widths = []
    for number, growth in enumerate(((), (time,), (memory,))):
        path = tmp_path / f"{number}.png"
        draw(Group(title="Reading", rows=(ROW,), growth=growth), path)
        widths.append(imread(path).shape[1])
    assert widths == sorted(set(widths))
