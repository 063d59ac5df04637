"""The plots of a run report."""

import subprocess
import sys
from pathlib import Path

import pytest

from sagemaker_pca.report import ProjectionSample, RunReport, Step
from sagemaker_pca.report_plots import explained_variance_svg, plot_summary, projection_svg

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PLUGINS = Path(__file__).parents[4] / "plugins"


def png_size(picture: bytes) -> tuple[int, int]:
    return int.from_bytes(picture[16:20], "big"), int.from_bytes(picture[20:24], "big")


def test_the_summary_is_one_wide_picture(promoted: RunReport) -> None:
    picture = plot_summary(promoted)

    assert picture.startswith(PNG_SIGNATURE)
    assert png_size(picture) == (3000, 840)


def test_the_summary_of_a_run_without_a_model_is_its_timeline_alone(failed_early: RunReport) -> None:
    assert png_size(plot_summary(failed_early)) == (1000, 840)


def test_the_largest_component_comes_first(promoted: RunReport) -> None:
    svg = explained_variance_svg(promoted)

    assert svg is not None
    assert svg.index("PC1") < svg.index("85.1%") < svg.index("PC2") < svg.index("13.3%")


def test_a_run_without_model_or_sample_has_no_plots(failed_early: RunReport) -> None:
    assert explained_variance_svg(failed_early) is None
    assert projection_svg(failed_early) is None


def test_a_sample_of_one_component_is_drawn_over_its_rows(promoted: RunReport) -> None:
    sample = ProjectionSample(row_numbers=(0, 10, 20), projections=((1.0,), (None,), (2.0,)))

    svg = projection_svg(promoted.model_copy(update={"projection_sample": sample}))

    assert svg is not None
    assert ">row<" in svg


def test_dollar_signs_in_names_are_text_not_formulas(promoted: RunReport) -> None:
    steps = (Step(task_id="a$_{$b", state="success", duration_seconds=1),)

    assert plot_summary(promoted.model_copy(update={"steps": steps})).startswith(PNG_SIGNATURE)


@pytest.mark.parametrize("module", ["report", "report_page", "report_plots", "report_text", "evaluation"])
def test_importing_a_module_loads_none_of_the_heavy_libraries(module: str) -> None:
    code = (
        f"import sys, sagemaker_pca.{module}\n"
        "heavy = {'matplotlib', 'airflow', 'boto3', 'botocore'} & set(sys.modules)\n"
        "sys.exit(f'{heavy} loaded' if heavy else 0)"
    )

    done = subprocess.run([sys.executable, "-c", code], cwd=PLUGINS, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr


def test_drawing_leaves_the_global_state_of_matplotlib_alone(promoted: RunReport) -> None:
    code = (
        "import sys, matplotlib\n"
        "from sagemaker_pca.report import RunReport\n"
        "from sagemaker_pca.report_page import render_html\n"
        "from sagemaker_pca.report_plots import plot_summary\n"
        "report, size = RunReport.from_json(sys.stdin.read()), matplotlib.rcParams['font.size']\n"
        "plot_summary(report), render_html(report)\n"
        "sys.exit('matplotlib.pyplot' in sys.modules or matplotlib.rcParams['font.size'] != size)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PLUGINS, input=promoted.to_json(), capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
