"""Airflow's web interface in a real browser, as a person uses it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any, Literal

from selenium.common.exceptions import (
    ElementClickInterceptedException,
    StaleElementReferenceException,
    TimeoutException,
    WebDriverException,
)
from selenium.webdriver import Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support import expected_conditions as expected
from selenium.webdriver.support.ui import WebDriverWait

PAGE_SECONDS = 60
ENTERED_SECONDS = 5
ENTERING_ATTEMPTS = 5
# What was found is drawn anew, or something still lies above it: a person looks again, and clicks then.
PAGE_CHANGES: tuple[type[WebDriverException], ...] = (StaleElementReferenceException, ElementClickInterceptedException)
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
        self._click(expected.element_to_be_clickable((By.CSS_SELECTOR, "button[aria-label='Trigger Dag']")))
        texts = {name: as_typed(value) for name, value in params.items()}
        for name, text in texts.items():
            self._fill_in(name, text)
        assert {name: self._content(name) for name in texts} == texts
        self._click(trigger_button)
        self.wait.until(lambda page: "/runs/" in page.current_url)
        return str(self._browser.current_url.rsplit("/", 1)[1])

    def _fill_in(self, name: str, text: str) -> None:
        """Enter a param into its field, or choose it from its menu, again where the form has lost it."""
        for _ in range(ENTERING_ATTEMPTS):
            with contextlib.suppress(TimeoutException, *PAGE_CHANGES):
                section = self._field(name).find_element(By.XPATH, FORM_SECTION)
                if section.get_attribute("aria-expanded") == "false":
                    section.click()
                self._enter(self._field(name), text)
                entered = WebDriverWait(self._browser, ENTERED_SECONDS, ignored_exceptions=PAGE_CHANGES)
                entered.until(lambda _: self._content(name) == text)
                return
        raise AssertionError(f"The form shows {self._content(name)!r} for {name}, not {text!r}.")

    def _click(self, find: Callable[[Chrome], WebElement | Literal[False]]) -> None:
        """Click what is found as soon as it can be clicked."""

        def clicked(page: Chrome) -> bool:
            if element := find(page):
                element.click()
            return bool(element)

        WebDriverWait(self._browser, PAGE_SECONDS, ignored_exceptions=PAGE_CHANGES).until(clicked)

    def _field(self, name: str) -> WebElement:
        found: WebElement = self.wait.until(expected.presence_of_element_located((By.NAME, f"element_{name}")))
        return found

    def _content(self, name: str) -> str | None:
        field = self._field(name)
        content: str | None = as_typed(field.is_selected()) if is_switch(field) else field.get_attribute("value")
        return content

    def _enter(self, field: WebElement, text: str) -> None:
        """Paste, since the form loses keys that come faster than it draws, and leave the field."""
        if is_switch(field):
            if as_typed(field.is_selected()) != text:
                self._browser.execute_script("arguments[0].click()", field)  # what a person clicks lies above it
            return
        is_menu = field.get_attribute("type") == "hidden"
        target = field.find_element(By.XPATH, "./preceding::input[@role='combobox'][1]") if is_menu else field
        self.wait.until(expected.element_to_be_clickable(target)).send_keys(Keys.CONTROL, "a")
        self._browser.execute_cdp_cmd("Input.insertText", {"text": text})
        if is_menu:
            choice = (By.XPATH, f"//*[@role='option'][normalize-space()='{text}']")
            self.wait.until(expected.element_to_be_clickable(choice)).click()
        else:
            target.send_keys(Keys.TAB)


def is_switch(field: WebElement) -> bool:
    """Whether the field is a yes or no."""
    return field.get_attribute("type") == "checkbox"


def as_typed(value: Any) -> str:
    """A param as a person types it into the form: the items of a list on lines of their own."""
    if isinstance(value, list):
        return "\n".join(value)
    return value if isinstance(value, str) else json.dumps(value)


def trigger_button(page: Chrome) -> WebElement | Literal[False]:
    """The form's button that sends it, as soon as it can be clicked."""
    buttons = page.find_elements(By.CSS_SELECTOR, "[role=dialog] button")
    return next((button for button in buttons if button.text.strip() == "Trigger" and button.is_enabled()), False)
