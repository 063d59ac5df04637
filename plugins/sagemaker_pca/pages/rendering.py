"""How every page is made: the run report's templates, words and style, escaped by default."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fastapi import Response
from fastapi.responses import HTMLResponse
from pydantic import TypeAdapter

from sagemaker_pca.report.page import templates

TEMPLATES = Path(__file__).parent / "templates"


def html_page(
    template: str, context: Mapping[str, Any], status: int = 200, headers: Mapping[str, str] | None = None
) -> HTMLResponse:
    """A page; every value is escaped."""
    text = templates(TEMPLATES).get_template(template).render(context)
    return HTMLResponse(text, status_code=status, headers=headers)


def opening_page(address: str, words: str) -> HTMLResponse:
    """A page that says what is being read and goes on to it: browsers show it until the other one is there.

    :param address: of the other one, beside this one's
    """
    return html_page("opening.html", {"words": words}, headers={"Refresh": f"0; url={address}"})


def json_document(document: Any) -> Response:
    """The same for programs."""
    return Response(TypeAdapter(Any).dump_json(document, indent=2), media_type="application/json")
