"""Airflow's web interface in a real browser, as a person uses it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Literal

from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.ui import WebDriverWait

PAGE_SECONDS = 60
FORM_SECTION = "./ancestor::*[@data-part='item'][1]//button[@data-part='item-trigger']"


class AirflowPages:
    """The pages of one Airflow.

    :param address: `http://127.0.0.1:PORT`
    """

    def __init__(self, browser: Chrome, address: str) -> None:
        self._browser = browser
        self._address = address
        self.wait: WebDriverWait[Chrome] = WebDriverWait(browser, PAGE_SECONDS)

    def sign_in(self, password: str) -> None:
        """Sign in as admin."""
        self._browser.get(self._address)
        self.wait.until(expected.presence_of_element_located((By.NAME, "username"))).send_keys("admin")
        self._browser.find_element(By.NAME, "password").send_keys(password)
        self._browser.find_element(By.CSS_SELECTOR, "button[type=submit]").click()
        self.wait.until(lambda page: "login" not in page.current_url)

    def trigger(self, dag_id: str, params: Mapping[str, Any]) -> str:
        """Fill in the trigger form, send it, and return the id of the run that the interface then shows."""
        self._browser.get(f"{self._address}/dags/{dag_id}")
        opener = (By.CSS_SELECTOR, "button[aria-label='Trigger Dag']")
        self.wait.until(expected.element_to_be_clickable(opener)).click()
        for name, value in params.items():
            self._fill_in(name, value)
        self.wait.until(trigger_button).click()
        self.wait.until(lambda page: "/runs/" in page.current_url)
        return str(self._browser.current_url.rsplit("/", 1)[1])

    def _fill_in(self, name: str, value: Any) -> None:
        """Enter a param: into its text or number field, one line for each item of a list, or out of its menu."""
        element = self.wait.until(expected.presence_of_element_located((By.NAME, f"element_{name}")))
        section = element.find_element(By.XPATH, FORM_SECTION)
        if section.get_attribute("aria-expanded") == "false":
            section.click()
        text = "\n".join(value) if isinstance(value, list) else value if isinstance(value, str) else json.dumps(value)
        if element.get_attribute("type") == "hidden":  # what a menu sends
            menu = element.find_element(By.XPATH, "./preceding::input[@role='combobox'][1]")
            self._paste(menu, text)
            menu.send_keys(Keys.ENTER)
        else:
            self._paste(element, text)
            element.send_keys(Keys.TAB)

    def _paste(self, field: WebElement, text: str) -> None:
        self.wait.until(expected.element_to_be_clickable(field)).click()
        # Typed keys are lost where the form is slow to draw.
        self._browser.execute_cdp_cmd("Input.insertText", {"text": text})


def trigger_button(page: Chrome) -> WebElement | Literal[False]:
    """The form's button that sends it, as soon as it can be clicked."""
    buttons = page.find_elements(By.CSS_SELECTOR, "[role=dialog] button")
    return next((button for button in buttons if button.text.strip() == "Trigger" and button.is_enabled()), False)
