"""The Airflow whose pages are looked at, and who looks at them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver

from sagemaker_pca.links import PAGES_PREFIX
from tests.airflow_pages import AirflowPages
from tests.airflow_services import AirflowServices
from tests.service_process import ServiceProcess
from tests.slow.pages.page_views import PageViews
from tests.slow.pages.scene import Run, Scene


@pytest.fixture(scope="module")
def scene(browser: webdriver.Chrome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with ServiceProcess() as service:
        yield Scene(service.url, tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="module")
def runs(scene: Scene) -> dict[str, Run]:
    """The runs that no browser starts, before the services do: two programs that write to SQLite may find it locked."""
    return scene.run_history()


@pytest.fixture(scope="module")
def airflow(scene: Scene, runs: dict[str, Run]) -> Iterator[AirflowServices]:
    with scene.airflow as services:
        yield services


@pytest.fixture(scope="module")
def airflow_pages(browser: webdriver.Chrome, airflow: AirflowServices) -> AirflowPages:
    """Airflow's own interface, signed in as its administrator."""
    pages = AirflowPages(browser, airflow.address)
    pages.sign_in(airflow.password)
    return pages


@pytest.fixture(scope="module")
def views(browser: webdriver.Chrome, airflow: AirflowServices, airflow_pages: AirflowPages) -> PageViews:
    return PageViews(browser, f"{airflow.address}/{PAGES_PREFIX}")
