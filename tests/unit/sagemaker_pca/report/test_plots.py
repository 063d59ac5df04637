"""The plots of a run report."""

import re
import sys
from concurrent.futures import ThreadPoolExecutor

import matplotlib  # noqa: TID253
import pytest

from sagemaker_pca.report.document import ProjectionSample, RunReport
from sagemaker_pca.report.plots import explained_variance_svg, projection_svg


def test_the_largest_component_comes_first(promoted: RunReport) -> None:
    svg = explained_variance_svg(promoted)

    assert svg is not None
    assert svg.index("PC1") < svg.index("85.1%") < svg.index("PC2") < svg.index("13.3%")


def test_what_was_not_kept_is_pale_behind_a_cut_that_names_its_share(promoted: RunReport) -> None:
    svg = explained_variance_svg(promoted)

    assert svg is not None
    assert "not kept: 0.3% →" in svg
    assert svg.index("PC3") < svg.index("PC4")
    assert len(re.findall(r"fill: var\(--accent\); opacity: 0.35", svg)) == 1


def test_a_model_whose_spectrum_is_not_known_shows_what_it_kept(promoted: RunReport) -> None:
    assert promoted.model is not None
    model = promoted.model.model_copy(update={"spectrum": None})

    svg = explained_variance_svg(promoted.model_copy(update={"model": model}))

    assert svg is not None
    assert "PC3" in svg
    assert "PC4" not in svg
    assert "opacity: 0.35" not in svg


def test_of_many_components_the_first_fifty_are_drawn(promoted: RunReport) -> None:
    assert promoted.model is not None
    model = promoted.model.model_copy(update={"spectrum": (0.01,) * 100, "explained_variance_ratio": (0.01,) * 20})

    svg = explained_variance_svg(promoted.model_copy(update={"model": model}))

    assert svg is not None
    assert svg.count("fill: var(--accent)") == 50
    assert svg.count("fill: var(--accent); opacity: 0.35") == 30


def test_a_run_without_model_or_sample_has_no_plots(failed_early: RunReport) -> None:
    assert explained_variance_svg(failed_early) is None
    assert projection_svg(failed_early) is None


def test_a_sample_of_one_component_is_drawn_over_its_rows(promoted: RunReport) -> None:
    sample = ProjectionSample(row_numbers=(0, 10, 20), projections=((1.0,), (None,), (2.0,)))

    svg = projection_svg(promoted.model_copy(update={"projection_sample": sample}))

    assert svg is not None
    assert ">row of the sample<" in svg


def test_drawing_leaves_the_global_state_of_matplotlib_alone(
    promoted: RunReport, monkeypatch: pytest.MonkeyPatch
) -> None:
    # None in the place of a module: importing it raises.
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    before = matplotlib.rcParams["font.size"]

    assert explained_variance_svg(promoted)
    assert projection_svg(promoted)

    assert matplotlib.rcParams["font.size"] == before


def test_threads_that_draw_beside_each_other_leave_plots_and_style_as_one_does(promoted: RunReport) -> None:
    alone, style = explained_variance_svg(promoted), dict(matplotlib.rcParams)

    with ThreadPoolExecutor(6) as pool:
        drawn = list(pool.map(explained_variance_svg, [promoted] * 12))

    assert set(drawn) == {alone}
    assert dict(matplotlib.rcParams) == style
