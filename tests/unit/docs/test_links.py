"""Every link that the repository's pages have to a file of it leads somewhere, its heading included."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[3]
PAGES = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])
MOST_README_LINES = 150


def links(text: str) -> list[str]:
    """What a page links to, pictures included, code left out."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def anchors(text: str) -> set[str]:
    """The names of a page's headings, as GitHub and the site make them of simple words."""
    headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for link in links(page.read_text(encoding="utf-8")):
        if "://" in link:
            continue
        name, _, heading = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (heading and heading not in anchors(target.read_text(encoding="utf-8"))):
            dead.append(link)
    assert dead == []


def test_pages_of_the_site_link_within_it() -> None:
    """GitHub would follow a link out of docs/; the site has nothing there."""
    pages = [page for page in PAGES if page.parent.name == "docs"]
    assert [(page.name, link) for page in pages for link in links(page.read_text()) if link.startswith("..")] == []


def test_the_readme_is_read_in_minutes_and_leads_to_every_page() -> None:
    readme = (PROJECT / "README.md").read_text(encoding="utf-8")
    assert len(readme.splitlines()) <= MOST_README_LINES
    assert {f"docs/{page.name}" for page in PAGES if page.parent.name == "docs"} <= set(links(readme))
