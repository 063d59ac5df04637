"""Pages as answers: everything escaped, one style sheet within, no script, and nothing that a browser would fetch."""

import base64
import hashlib
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from sagemaker_local.invocations import Answer

_TEMPLATES = Path(__file__).with_name("templates")
_STYLE = (_TEMPLATES / "page.css").read_text(encoding="utf-8")
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
_ENVIRONMENT = Environment(
    loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
    lstrip_blocks=True,
)  # fmt: skip
_ENVIRONMENT.globals["style"] = Markup(_STYLE)  # noqa: S704  the service's own file
_HEADERS = [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-store")]


def page_answer(status: int, template: str, **shown: Any) -> Answer:
    """Return a page; `shown` is what the template takes."""
    page = _ENVIRONMENT.get_template(template).render(shown)
    policy = f"style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return document_answer(page.encode(), "text/html; charset=utf-8", policy, status)


def document_answer(body: bytes, content_type: str, policy: str = "sandbox", status: int = 200) -> Answer:
    """Return a body that a browser takes for what it is said to be, and lets load nothing."""
    policy = f"default-src 'none'; {policy}"
    return Answer(status, body, [("Content-Type", content_type), ("Content-Security-Policy", policy), *_HEADERS])
