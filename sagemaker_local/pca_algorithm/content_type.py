"""Content types as the built-in algorithms read them: a media type and parameters such as `label_size`."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class ContentType:
    """A parsed content type; its string is what the customer wrote."""

    text: str
    media_type: str
    parameters: Mapping[str, str]

    @classmethod
    @functools.lru_cache(maxsize=64)  # the same few come with every request
    def parse(cls, text: str) -> Self:
        """Split a content type such as `text/csv;label_size=0`; names are case-insensitive."""
        media_type, *parameters = (part.strip() for part in text.split(";"))
        pairs = (parameter.partition("=") for parameter in parameters if parameter)
        return cls(text, media_type.lower(), {name.strip().lower(): value.strip() for name, _, value in pairs})

    def label_size(self, default: int) -> int:
        """Return how many leading columns are labels; raises ValueError where the parameter is no such number."""
        text = self.parameters.get("label_size", str(default))
        if not text.isdecimal():
            raise ValueError(f"label_size '{text}' is not a number of columns")
        return int(text)

    def __str__(self) -> str:
        return self.text
