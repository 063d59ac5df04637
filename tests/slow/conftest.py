"""What slow tests need of the machine beyond Python and make; they skip with the reason where it is absent."""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest
from selenium import webdriver

from tests.airflow_services import AirflowServices
from tests.postgresql_server import MISSING, PostgresqlServer
from tests.service_process import ServiceProcess


@pytest.fixture(scope="module")
def service_url() -> Iterator[str]:
    """Address of an embedded service of the module's own."""
    with ServiceProcess() as service:
        yield service.url


@pytest.fixture(scope="module")
def airflow(service_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowServices]:
    """An Airflow of the module's own on that service."""
    with AirflowServices(service_url, tmp_path_factory.mktemp("airflow")) as services:
        yield services


@pytest.fixture(scope="module")
def postgresql() -> Iterator[PostgresqlServer]:
    """A PostgreSQL server of the module's own."""
    if MISSING:
        pytest.skip(MISSING)
    with PostgresqlServer() as server:
        yield server


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    """Debian's Chromium without a window, with a profile of its own."""
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        pytest.skip("needs Chromium and ChromeDriver (Debian: apt-get install chromium chromium-driver)")
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    # Chromium's sandbox refuses root; the other flags keep it from calling home.
    for flag in ("headless", "no-sandbox", "disable-gpu", "disable-background-networking", "disable-component-update"):
        options.add_argument(f"--{flag}")
    options.add_argument("--window-size=1400,1000")
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    chrome = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    yield chrome
    chrome.quit()
