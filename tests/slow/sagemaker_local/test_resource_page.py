"""The embedded service's pages as a real browser lays them out."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws
from tests.service_process import ServiceProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

LINES = 150


@pytest.fixture(scope="module")
def addresses() -> Iterator[list[str]]:
    with ServiceProcess() as service:
        aws = EmbeddedAws(service.url)
        name = aws.start_processing(f"for number in range({LINES}): print('a word ' * 20, number, 'x' * 400)")
        aws.wait_for_processing(name)
        job = f"{service.url}/sagemaker-local/processing_job/{name}"
        yield [
            job,
            f"{job}/log",
            f"{service.url}/sagemaker-local/",
            f"{service.url}/sagemaker-local/s3?uri=s3://{aws.bucket}/",
        ]


@pytest.mark.parametrize("width", [360, 1400])
def test_pages_fit_the_screen_and_wear_their_style(browser: webdriver.Chrome, addresses: list[str], width: int) -> None:
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 1000}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
    for address in addresses:
        browser.get(address)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width
        assert browser.execute_script("return getComputedStyle(document.body).margin") == "0px", "the policy allows it"
        assert browser.get_log("browser") == []  # type: ignore[no-untyped-call]


def test_the_newest_line_of_a_long_log_is_in_sight_and_the_keyboard_reaches_it(
    browser: webdriver.Chrome, addresses: list[str]
) -> None:
    browser.get(addresses[0])
    log = browser.find_element(By.CSS_SELECTOR, ".log")
    assert log.get_attribute("tabindex") == "0"
    hidden = "return arguments[0].scrollHeight - arguments[0].clientHeight"
    assert browser.execute_script(hidden, log) > 1000
    bottom = "return arguments[0].getBoundingClientRect().bottom"
    lines = log.find_element(By.TAG_NAME, "pre")
    assert browser.execute_script(bottom, lines) <= browser.execute_script(bottom, log)
