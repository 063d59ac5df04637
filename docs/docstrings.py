"""Lets the API reference read docstrings as this project writes them: an extension of Griffe, which reads the source.

Parameters stand as Sphinx has them, which Airflow's users know, and what is raised under a heading; Griffe reads one
style at a time.
"""

from __future__ import annotations

import re
from typing import Any

import griffe

RAISES = re.compile(r"^Raises:\n((?:[ ]{4}.+\n?)+)", re.MULTILINE)
ENTRY = re.compile(r"^[ ]{4}(\w+): (.+(?:\n[ ]{6,}.+)*)", re.MULTILINE)
ROLE = re.compile(r":(?:py:)?\w+:`~?([^`]+)`")


class SphinxDocstrings(griffe.Extension):
    """Rewrites each docstring to Sphinx's style alone."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite the object's docstring, where it has one."""
        if obj.docstring is not None:
            obj.docstring.value = as_sphinx(obj.docstring.value)


def as_sphinx(text: str) -> str:
    """A docstring with a field for each thing raised, and names in place of roles, which Markdown has not."""
    text = RAISES.sub(lambda section: ENTRY.sub(r":raises \1: \2", section[1]), text)
    return ROLE.sub(r"`\1`", text)
