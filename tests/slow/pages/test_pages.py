"""The plugin's pages as people meet them: one Airflow below a path of its own, a browser, and runs of every kind."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from fastapi.routing import APIRoute
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as expected

from quickstart.ui import DAG_ID
from sagemaker_pca.links import PAGES_PREFIX, REPORT_TAB
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.report.wording import NO_VALUE, number_text, percent_text
from tests.airflow_api import DagRun
from tests.airflow_pages import AirflowPages
from tests.airflow_services import AirflowServices
from tests.pipeline_process import BUCKET
from tests.slow.pages.page_views import DESKTOP, PHONE, PageViews, Scheme
from tests.slow.pages.scene import (
    FOREIGN,
    HISTORY,
    HOSTILE,
    HOSTILE_COLUMNS,
    HOSTILE_FILE,
    NEVER_RUN,
    SCRIPT,
    WAITING,
    Run,
    Scene,
    recording,
)

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

RUN_SECONDS = 480
PICTURES = "PAGE_PICTURES"
"""Variable that names the folder for pictures, as `make picture` does; without it they go where tests leave things."""
LARGEST_PICTURE = 150_000
HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control")


@pytest.fixture(scope="module")
def form_run(airflow: AirflowServices, airflow_pages: AirflowPages, scene: Scene) -> Run:
    """A run that a person started in the form; it goes on."""
    settings = scene.conf(rows=2000, endpoint_name="by-form", num_components=2)
    settings["feature_columns"] = list(settings["feature_columns"])
    del settings["poll_seconds"]  # the deployment's, which the form does not ask for
    return Run(DAG_ID, airflow_pages.trigger(DAG_ID, settings))


@pytest.fixture(scope="module")
def http(airflow: AirflowServices, scene: Scene) -> Iterator[Any]:
    """The pages without a browser, for a user; None is nobody who signed in."""
    clients: dict[str | None, httpx.Client] = {}

    def client(user: str | None = "admin") -> httpx.Client:
        if user not in clients:
            made = httpx.Client(base_url=f"{airflow.address}/{PAGES_PREFIX}/", trust_env=False, timeout=60)
            if user is not None:
                login = {"username": user, "password": scene.password(user)}
                token = httpx.post(f"{airflow.address}/auth/token", json=login, trust_env=False, timeout=60)
                made.headers["Authorization"] = f"Bearer {token.raise_for_status().json()['access_token']}"
            clients[user] = made
        return clients[user]

    yield client
    for made in clients.values():
        made.close()


@pytest.fixture(scope="module")
def addresses(runs: dict[str, Run], airflow: AirflowServices, scene: Scene) -> dict[str, str]:
    """Every kind of page, by what it shows."""
    waiting = airflow.api.trigger(WAITING, "waits", {})
    lost = runs["hostile failure"]
    scene.client.s3.delete_object(Bucket=BUCKET, Key=f"runs/{lost.name}/report/report.json")
    chosen = "&".join(f"run={quoted(runs[name])}" for name in ("three", "twelve"))
    return {
        "report": report_path(runs["twelve"]),
        "report-refused": report_path(runs["refused"]),
        "report-failed": report_path(runs["failed"]),
        "report-running": f"dags/{WAITING}/runs/{waiting.run_id}/report",
        "report-lost": report_path(lost),
        "report-hostile": report_path(runs["hostile"]),
        "report-foreign": f"dags/{FOREIGN}/runs",
        "pipeline": f"dags/{HISTORY}/runs",
        "pipeline-hostile": f"dags/{HOSTILE}/runs",
        "pipeline-empty": f"dags/{NEVER_RUN}/runs",
        "comparison": f"dags/{HISTORY}/comparison?{chosen}",
        "comparison-of-one": f"dags/{HISTORY}/comparison?run={quoted(runs['three'])}",
        "unknown": f"dags/{HISTORY}/runs/unknown/report",
        "endpoints": "endpoints",
        "try-it": f"dags/{HISTORY}/endpoints/{scene.client.endpoint_name}/try",
    }


PAGES = (
    "report", "report-refused", "report-failed", "report-running", "report-lost", "report-hostile", "report-foreign",
    "pipeline", "pipeline-hostile", "pipeline-empty", "comparison", "comparison-of-one", "unknown",
    "endpoints", "try-it",
)  # fmt: skip
# Endpoints are shown pipeline by pipeline, to whoever may read that one's runs.
OF_ONE_PIPELINE = tuple(name for name in PAGES if name != "endpoints")
DOCUMENTED = ("report", "report-failed", "pipeline", "comparison", "endpoints", "try-it")


def quoted(run: Run) -> str:
    return str(httpx.QueryParams({"": run.run_id}))[1:]


def report_path(run: Run) -> str:
    return f"dags/{run.dag_id}/runs/{quoted(run)}/report"


def open_tab(browser: Chrome, pages: AirflowPages, address: str, tab: str) -> None:
    """Open a page of Airflow's, click a tab of it, and go into what it shows."""
    browser.switch_to.default_content()
    browser.get(address)
    pages.wait.until(expected.element_to_be_clickable((By.XPATH, f"//a[contains(., '{tab}')]"))).click()
    pages.wait.until(expected.frame_to_be_available_and_switch_to_it((By.TAG_NAME, "iframe")))


def frame_text(pages: AirflowPages, words: str) -> str:
    """What the frame says, as soon as it says these words."""
    body = (By.TAG_NAME, "body")
    pages.wait.until(expected.text_to_be_present_in_element(body, words))
    return str(pages.wait.until(expected.presence_of_element_located(body)).text)


def test_a_run_from_the_form_is_watched_and_read_in_its_own_tab_to_which_its_last_tasks_button_leads(
    browser: Chrome, airflow: AirflowServices, airflow_pages: AirflowPages, form_run: Run, scene: Scene
) -> None:
    open_tab(browser, airflow_pages, f"{airflow.address}/dags/{DAG_ID}/runs/{form_run.run_id}", "PCA report")
    assert "This page looks again every five seconds" in frame_text(airflow_pages, "The run goes on")
    assert DagRun(airflow.api, DAG_ID, form_run.run_id).wait_until_ended(RUN_SECONDS) == "success"

    shown = re.search(r"Explained by 2 components\s+([\d.]+)%", frame_text(airflow_pages, "Explained by"))
    made = scene.client.s3.list_objects_v2(Bucket=BUCKET, Prefix=f"runs/{form_run.name}/")["Contents"]
    (key,) = [item["Key"] for item in made if item["Key"].endswith("model.tar.gz")]
    model = PcaModel.from_artifact(scene.client.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    raw = recording(2000, 0.0)[:, :3]
    explained = (model.singular_values**2).sum() / ((raw - raw.mean(axis=0)) ** 2).sum()
    assert shown
    assert float(shown[1]) == pytest.approx(100 * explained, abs=0.051)

    browser.switch_to.default_content()
    run_page = f"{airflow.address}/dags/{DAG_ID}/runs/{form_run.run_id}"
    browser.get(f"{run_page}/tasks/publish_report/details")
    button = airflow_pages.wait.until(expected.element_to_be_clickable((By.LINK_TEXT, "Report")))
    target = button.get_attribute("href") or ""
    assert unquote(target) == f"{unquote(run_page)}/plugin/{REPORT_TAB}"
    browser.get(target)
    airflow_pages.wait.until(expected.frame_to_be_available_and_switch_to_it((By.TAG_NAME, "iframe")))
    frame_text(airflow_pages, "Explained by 2 components")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("refused", "explained_variance="),
        ("failed", "line 2: column 'note' holds 'resting', which is no finite number"),
    ],
)
def test_from_a_red_run_the_sentence_that_says_why_is_one_click_away(
    browser: Chrome, airflow: AirflowServices, airflow_pages: AirflowPages, runs: dict[str, Run], name: str, reason: str
) -> None:
    open_tab(browser, airflow_pages, f"{airflow.address}/dags/{HISTORY}/runs/{runs[name].run_id}", "PCA report")
    frame_text(airflow_pages, reason)
    assert reason in browser.find_element(By.CSS_SELECTOR, ".verdict .reason").text
    if name == "failed":
        assert reason in browser.find_element(By.TAG_NAME, "pre").text, "the container's own line stands beside it"


def test_the_pipelines_tab_shows_what_json_and_csv_say(
    browser: Chrome, airflow: AirflowServices, airflow_pages: AirflowPages, runs: dict[str, Run], http: Any
) -> None:
    open_tab(browser, airflow_pages, f"{airflow.address}/dags/{HISTORY}", "PCA runs")
    frame_text(airflow_pages, "Newest first")
    table = [
        [cell.text for cell in row.find_elements(By.CSS_SELECTOR, "th, td")]
        for row in browser.find_elements(By.CSS_SELECTOR, "table.runs tbody tr")
    ]
    documents = http().get(f"dags/{HISTORY}/runs", params={"format": "json"}).json()
    lines = list(csv.DictReader(io.StringIO(http().get(f"dags/{HISTORY}/runs", params={"format": "csv"}).text)))

    newest_first = [runs[name].run_id for name in ("failed", "refused", "twelve", "three")]
    assert [document["run_id"] for document in documents] == newest_first
    assert [document["verdict"] for document in documents] == ["failed", "refused", "promoted", "promoted"]
    for row, document in zip(table, documents, strict=True):
        assert document["verdict"] in row[2]
        assert row[3] == number_text(document["rows"])
        assert row[4] == percent_text(document["explained_variance_total"])
    shares = [document["explained_variance_total"] for document in documents]
    points = [f"{100 * (later - before):+.2f}" for later, before in pairwise(shares[1:])]
    assert [row[5] for row in table] == [NO_VALUE, *points, NO_VALUE]
    assert lines == [
        {name: "" if document[name] is None else str(document[name]) for name in lines[0]} for document in documents
    ]


@pytest.mark.parametrize(
    ("pair", "shown"),
    [
        # 12 columns beside 3, 4 components beside 2: what only one of them has.
        (("three", "twelve"), [f"PC4 {NO_VALUE}", f"v6 {NO_VALUE} there", "feature columns"]),
        # The same columns: by how much they moved, and the angle between the models.
        (("three", "refused"), ["differ by at most", "PC2", "std", "min explained variance 0.5 0.999"]),
        (("three", "failed"), ["verdict promoted failed", f"i there {NO_VALUE}"]),
    ],
)  # fmt: skip
def test_two_ticked_runs_are_compared(
    browser: Chrome, views: PageViews, runs: dict[str, Run], pair: tuple[str, str], shown: list[str]
) -> None:
    views.open(f"dags/{HISTORY}/runs")
    for name in pair:
        browser.find_element(By.CSS_SELECTOR, f"input[value='{runs[name].run_id}']").click()
    views.follow(browser.find_element(By.CSS_SELECTOR, "button[type=submit]"))
    text = views.text().replace("_", " ")
    assert [words for words in shown if words not in text] == []


def test_nobody_sees_anything_without_signing_in(
    airflow: AirflowServices, runs: dict[str, Run], http: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sagemaker_pca.pages.app import pages_app

    routes = [route for route in pages_app().routes if isinstance(route, APIRoute)]
    assert len(routes) == len(pages_app().routes) >= 3, "FastAPI's own pages would be open to everybody"
    for route in routes:
        path = route.path.format_map(Filled(dag_id=HISTORY, run_id=runs["three"].run_id)).removeprefix("/")
        for method in route.methods:
            answer = http(None).request(method, path)
            assert answer.status_code == 401, (method, path)
            assert_closed(answer)


class Filled(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return "anything"


def assert_closed(answer: httpx.Response) -> None:
    """The answer has the headers that keep a page from doing anything, and says nothing of any run."""
    assert [name for name in HEADERS if name not in answer.headers] == []
    assert "script-src" not in answer.headers["content-security-policy"]
    assert "promoted" not in answer.text
    assert "arn:aws" not in answer.text


@pytest.mark.parametrize("path", ["", "openapi.json", "docs", "dags", f"dags/{HISTORY}/runs/three/unknown", "..%2Fapi"])
def test_unknown_paths_show_nothing(http: Any, path: str) -> None:
    for user in (None, "admin"):
        answer = http(user).get(path)
        assert answer.status_code == 404
        assert "There is no such page" in answer.text
        assert_closed(answer)


@pytest.mark.parametrize("name", OF_ONE_PIPELINE)
def test_a_user_without_the_right_to_read_runs_is_told_so(http: Any, addresses: dict[str, str], name: str) -> None:
    answer = http("nobody").get(addresses[name])
    assert answer.status_code == 403
    assert "You may not" in answer.text
    assert_closed(answer)


def test_endpoints_are_hidden_from_whoever_may_not_read_their_pipelines(
    http: Any, addresses: dict[str, str], scene: Scene
) -> None:
    answer = http("nobody").get(addresses["endpoints"])
    assert "No endpoint that you may see" in answer.text
    assert scene.client.endpoint_name not in answer.text
    assert_closed(answer)


def test_a_user_who_may_only_read_sees_runs_reports_and_endpoints_and_sends_nothing(
    http: Any, addresses: dict[str, str], scene: Scene
) -> None:
    for name in ("report", "pipeline", "comparison", "try-it"):
        assert http("viewer").get(addresses[name]).status_code == 200
    assert scene.client.endpoint_name in http("viewer").get(addresses["endpoints"]).text
    for path in (addresses["try-it"], f"dags/{FOREIGN}/plan"):
        answer = http("viewer").post(path, data={"row": "1,2,3"})
        assert answer.status_code == 403
        assert_closed(answer)


def test_an_endpoint_answers_the_smoke_tests_row_as_its_artifact_does(
    browser: Chrome, views: PageViews, addresses: dict[str, str], scene: Scene
) -> None:
    views.open(addresses["endpoints"])
    card = f"//section[.//h2[text()='{scene.client.endpoint_name}']]"
    views.follow(browser.find_element(By.XPATH, f"{card}//a[contains(., 'Try it')]"))
    views.follow(browser.find_element(By.CSS_SELECTOR, "button[type=submit]"))
    assert "The endpoint answers as the artifact does" in views.text()
    assert views.living_parts() == []


@pytest.mark.parametrize("name", PAGES)
def test_hostile_names_and_values_stay_text(
    views: PageViews, browser: Chrome, addresses: dict[str, str], name: str
) -> None:
    views.open(addresses[name])
    assert browser.title != "owned"
    assert views.living_parts() == []
    text = browser.find_element(By.TAG_NAME, "body").get_attribute("textContent") or ""
    if name == "report-hostile":
        assert [words for words in (*HOSTILE_COLUMNS, HOSTILE_FILE, SCRIPT) if words not in text] == []
    if name in ("report-lost", "pipeline-hostile"):
        assert SCRIPT in text


@pytest.mark.parametrize("hostile", [SCRIPT, "../../../x", "javascript:alert(1)", "x\r\nSet-Cookie: a=b", "データ"])
def test_hostile_addresses_are_answered_in_text(http: Any, runs: dict[str, Run], hostile: str) -> None:
    within = str(httpx.QueryParams({"": hostile}))[1:].replace("+", "%20")
    paths = [f"dags/{HISTORY}/comparison", f"dags/{HISTORY}/runs"]
    if "\n" not in hostile:  # Airflow itself answers what is no path
        paths += [f"dags/{within}/runs", f"dags/{within}/runs/{within}/report", f"dags/{HISTORY}/runs/{within}/report"]
    for path in paths:
        for query in ({}, *({name: hostile} for name in ("format", "limit", "run", "opening")), {"format": "csv"}):
            answer = http().get(path, params=query)
            assert answer.status_code < 500, (path, query, answer.text)
            assert SCRIPT not in answer.text
            assert "set-cookie" not in answer.headers
            assert [name for name in HEADERS if name not in answer.headers] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_pages_have_no_serious_fault_for_people_with_disabilities(
    views: PageViews, addresses: dict[str, str], name: str, scheme: Scheme
) -> None:
    views.open(addresses[name], scheme=scheme)
    assert views.serious_faults() == []


@pytest.mark.parametrize("width", [PHONE, DESKTOP])
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_cut_or_overlaps(views: PageViews, addresses: dict[str, str], name: str, width: int) -> None:
    views.open(addresses[name], width)
    assert views.unreadable_parts() == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", DOCUMENTED)
def test_pictures_of_the_pages_are_small(
    views: PageViews, addresses: dict[str, str], name: str, scheme: Scheme, tmp_path: Path
) -> None:
    picture = Path(os.environ.get(PICTURES, tmp_path)) / f"{name}-{scheme}.png"
    views.open(addresses[name], scheme=scheme)
    views.take_picture(picture)
    assert picture.stat().st_size < LARGEST_PICTURE
