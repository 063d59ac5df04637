"""The HTML page of a run report."""

import re
from html import escape, unescape
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from sagemaker_pca.exceptions import Failure
from sagemaker_pca.model.card import AffineMap, Column, Data, Model
from sagemaker_pca.model.comparison import impossible_comparison
from sagemaker_pca.model.data_warnings import DataWarning
from sagemaker_pca.report.document import FailedStep, JobUse, LinkedResource, RunReport, Step
from sagemaker_pca.report.page import render_html

OUTCOMES = ["promoted", "refused", "rolled_back", "failed_early"]
VOID = {"meta", "wbr", "br", "link", "img", "input", "hr"}


class Elements(HTMLParser):
    """Collects start tags and attributes, and fails on tags that do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parse(page: str) -> Elements:
    elements = Elements()
    elements.feed(page)
    assert elements.open == []
    return elements


@pytest.fixture(params=OUTCOMES)
def page(request: pytest.FixtureRequest) -> str:
    return render_html(request.getfixturevalue(request.param))


def test_every_outcome_gives_a_well_formed_page(page: str) -> None:
    assert page.startswith("<!DOCTYPE html>")
    assert parse(page).tags[0][0] == "html"


def test_a_comparison_that_is_not_possible_is_one_sentence(promoted: RunReport) -> None:
    page = render_html(promoted.model_copy(update={"comparison": impossible_comparison("artifact a")}))
    assert '<p class="caption">No comparison possible: artifact a is gone.</p>' in page
    assert "Beside the model that was in service" not in page


def test_nothing_is_fetched_and_no_script_runs(page: str) -> None:
    tags = parse(page).tags

    assert not {tag for tag, _ in tags} & {"script", "link", "img", "iframe", "image", "object"}
    assert not [value for tag, attrs in tags for name, value in attrs.items() if name == "src"]
    assert not re.search(r"url\((?!#)|@import", page)
    assert all((attrs.get("href") or "").startswith(("#", "https://")) for _, attrs in tags if "href" in attrs)
    assert "default-src 'none'" in page


def test_ids_are_unique_and_every_reference_finds_its_target(page: str) -> None:
    ids = re.findall(r'\bid="([^"]+)"', page)

    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', page)) <= set(ids)


def test_plots_take_their_colours_from_the_page(promoted: RunReport) -> None:
    html = render_html(promoted)
    svg = html[html.index("<svg") : html.rindex("</svg>")]

    assert "var(--text)" in svg
    assert "var(--accent)" in svg
    assert not re.search(r"#01010\d", html)


def test_equal_reports_give_equal_pages(promoted: RunReport) -> None:
    assert render_html(promoted) == render_html(promoted)


def test_the_banner_says_verdict_and_reason(refused: RunReport) -> None:
    html = render_html(refused)

    assert "The quality gate refused the model" in html
    assert "is below min_explained_variance=0.5" in html
    assert html.index("nothing was deployed") < html.index("What changed") < html.index("What to do next")


def test_a_failed_check_is_marked_with_value_and_limit(refused: RunReport) -> None:
    line = re.search(r'<li class="refused">.*?</li>', render_html(refused), flags=re.DOTALL)

    assert line
    assert "<b>0.3638</b>" in line[0]
    assert "limit 0.5" in line[0]


def test_skipped_rows_are_named_with_file_line_and_reason(promoted: RunReport) -> None:
    html = render_html(promoted)
    assert "4 bad rows were skipped" in html
    assert "Skipped rows, the first 1<" in html
    row = re.search(r"<tr><th[^>]*>recording-2.csv.gz</th><td>17</td><td>(.*?)</td></tr>", html)
    assert row is not None
    assert row[1] == "column &#39;Ch5&#39; holds &#39;n.v.&#39;"


def test_a_reason_of_several_lines_stays_whole_and_apart_from_the_log(failed_early: RunReport) -> None:
    html = render_html(failed_early)

    banner = html[html.index('<section class="verdict') : html.index("</section>")]
    log = re.search(r"Last lines of its log</p>\s*<pre>(.*?)</pre>", html, flags=re.DOTALL)
    assert log
    assert "is not a number.\nCaused by: ArrowInvalid: In CSV column #3 (AlgorithmError" in unescape(banner)
    assert "#quality_metric" not in banner
    assert "Caused by" not in log[1]
    assert log[1].count("#quality_metric") == 20
    assert "<svg" not in html


def test_the_hint_of_a_failure_is_the_first_thing_to_do_and_is_said_once(failed_early: RunReport) -> None:
    html = render_html(failed_early)

    assert '<ol class="plain"><li>Correct the file, or set on_bad_rows=skip.</li>' in html
    assert html.count("Correct the file") == 1


@pytest.mark.parametrize(
    ("link", "is_clickable"),
    [("https://example.com/log?a=1&b=2", True), ("http://127.0.0.1:5000/log", True), ("javascript:alert(1)", False)],
)
def test_only_a_web_address_is_clickable(failed_early: RunReport, link: str, is_clickable: bool) -> None:
    failure = Failure(reason="It failed.", link=link)

    html = render_html(failed_early.model_copy(update={"failed_step": FailedStep(task_id="a", failure=failure)}))

    assert (f'<a href="{escape(link)}"' in html) is is_clickable
    assert f"{escape(link)}<" in html


def test_settings_that_somebody_gave_come_before_the_built_in_ones(promoted: RunReport) -> None:
    settings = render_html(promoted).split("<h2>Settings</h2>")[1]

    given, built_in = settings.split("<details>")
    assert 'class="chip run"' in given
    assert 'class="chip pipeline"' in given
    assert 'class="chip built-in"' not in given
    assert 'class="chip built-in"' in built_in


def test_everything_from_the_report_is_escaped(promoted: RunReport) -> None:
    bait = "<script>alert(1)</script>\"'&$x^2$"
    assert promoted.data is not None
    report = promoted.model_copy(
        update={
            "run": promoted.run.model_copy(update={"reason": bait, "dag_id": bait, "run_id": bait}),
            "steps": (Step(task_id=bait, state=bait, note=bait, duration_seconds=1),),
            "data": promoted.data.model_copy(
                update={"columns": tuple(Column(name=bait + str(place)) for place in range(4))}
            ),
            "failed_step": FailedStep(
                task_id=bait, failure=Failure(reason=bait, hint=bait, link=bait, log_tail=(bait,)), clear_task_id=bait
            ),
            "resources": (LinkedResource(kind=bait, name=bait, console_url="javascript:alert(1)"),),
        }
    )

    html = render_html(report)

    assert "<script" not in html
    assert "javascript:" not in html
    assert html.count("&lt;script&gt;") >= 14
    parse(html)


def test_ten_thousand_columns_and_many_components_still_make_a_readable_page(promoted: RunReport) -> None:
    generator = np.random.default_rng(1)
    report = promoted.model_copy(
        update={
            "data": Data(row_count=5, columns=tuple(Column(name=f"c{place}", mean=1) for place in range(10_000))),
            "model": Model(
                artifact_uri="s3://bucket/model.tar.gz",
                singular_values=tuple(np.arange(50.0)),
                explained_variance_ratio=tuple(np.linspace(0.001, 0.03, 50)),
                served=AffineMap.model_validate(
                    {"mean": np.zeros(10_000), "components": generator.normal(size=(10_000, 50))}
                ),
            ),
        }
    )

    html = render_html(report)

    assert len(html) < 400_000
    assert "The 40 columns with most values missing, of 10,000." in html
    assert "24 columns that weigh most, of 10,000" in html


def test_numbers_that_are_missing_everywhere_do_not_break_the_page(promoted: RunReport) -> None:
    nothing: Any = (None, None, None)
    assert promoted.model is not None
    assert promoted.smoke_test is not None
    report = promoted.model_copy(
        update={
            "model": promoted.model.model_copy(
                update={"singular_values": nothing, "explained_variance_ratio": nothing}
            ),
            "smoke_test": promoted.smoke_test.model_copy(
                update={"endpoint_projection": nothing, "max_abs_difference": None, "latency_p50_ms": None}
            ),
        }
    )

    parse(render_html(report))


def test_the_page_goes_from_what_happened_to_how(promoted: RunReport) -> None:
    headings = re.findall(r"<h2>(.*?)</h2>", render_html(promoted))

    assert headings == [
        "What changed",
        "What to do next",
        "Quality gate",
        "Model",
        "Data",
        "Smoke test",
        "Steps",
        "Settings",
        "Resources",
    ]


def test_a_warning_comes_before_the_gate_with_its_cure(promoted: RunReport) -> None:
    warning = DataWarning("Column <a> varies 200 times as much.", "scaling=standardize")

    html = render_html(promoted.model_copy(update={"warnings": (warning,)}))

    sentence = "<p>Column &lt;a&gt; varies 200 times as much. If that is not meant, set scaling=standardize.</p>"
    assert html.index("<h2>Warning</h2>") < html.index(sentence) < html.index("Quality gate")
    assert "<h2>Warning</h2>" not in render_html(promoted)


def test_jobs_show_time_and_instances_and_their_cost_where_it_is_known(promoted: RunReport) -> None:
    job = JobUse(
        kind="training job", name="run-1", seconds=90, billable_seconds=72, instance_count=2, instance_type="m"
    )
    unknown = JobUse(kind="processing job", name="run-2", note="It could not be described: throttled")

    page = render_html(promoted.model_copy(update={"jobs": (job, unknown)}))
    priced = render_html(promoted.model_copy(update={"jobs": (job.model_copy(update={"cost": 0.25}),)}))

    assert "<td>2 \N{MULTIPLICATION SIGN} m</td><td>1 min 30 s</td><td>1 min 12 s</td></tr>" in page
    assert "run-2. It could not be described: throttled" in page
    assert "hourly_prices" not in page
    assert "<td>1 min 12 s</td><td>0.25</td></tr>" in priced


def test_an_embedded_page_has_addresses_to_copy_in_place_of_links(page: str, request: pytest.FixtureRequest) -> None:
    outcome = request.node.callspec.params["page"]

    embedded = render_html(request.getfixturevalue(outcome), embedded=True)

    def copyable(link: re.Match[str]) -> str:
        address, words = link.groups()
        return f"{words if words != address else ''} <code>{address}</code>"

    assert "<a " not in embedded
    assert re.sub(r'<a href="(.*?)" rel="noreferrer">(.*?)</a>', copyable, page) == embedded


def test_a_keyboard_and_a_screen_reader_get_everywhere(page: str) -> None:
    tags = parse(page).tags
    regions = [attrs for _, attrs in tags if attrs.get("class") == "wide"]
    levels = [int(tag[1]) for tag, _ in tags if re.fullmatch("h[1-6]", tag)]

    assert all((attrs["tabindex"], attrs["role"]) == ("0", "region") and attrs["aria-label"] for attrs in regions)
    assert len({attrs["aria-label"] for attrs in regions}) == len(regions)
    assert "<th></th>" not in page
    assert all(attrs.get("scope") for tag, attrs in tags if tag == "th")
    assert levels[:2] == [1, 2]
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert {"header", "main", "footer"} <= {tag for tag, _ in tags}
