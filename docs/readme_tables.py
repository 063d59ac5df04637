"""Writes the README's tables from the code: `python -m docs.readme_tables` after a setting changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sagemaker_pca.run_config import PcaRunConfig

README = Path(__file__).parents[1] / "README.md"
BEGIN, END = "<!-- settings: begin -->\n", "<!-- settings: end -->"


def settings_table() -> str:
    """One row per setting: its name, built-in default, allowed values and help."""
    properties = PcaRunConfig.model_json_schema()["properties"]
    lines = ["| setting | default | allowed | what it does |", "|---|---|---|---|"]
    section = None
    for name, schema in properties.items():
        if schema["section"] != section:
            section = schema["section"]
            lines.append(f"| **{section}** | | | |")
        lines.append(f"| `{name}` | {_default(name)} | {_allowed(schema)} | {schema['description']} |")
    return "\n".join(lines) + "\n"


def _default(name: str) -> str:
    default = PcaRunConfig.model_fields[name].default
    if default is None:
        return "unset"
    shown = ", ".join(default) if isinstance(default, tuple) else str(default)
    return f"`{shown.lower() if isinstance(default, bool) else shown}`"


def _allowed(schema: dict[str, Any]) -> str:
    shape = schema | next((option for option in schema.get("anyOf", ()) if option.get("type") != "null"), {})
    if "enum" in shape:
        return ", ".join(f"`{value}`".replace("|", "\\|").replace("\t", "\\t") for value in shape["enum"])
    bounds = [f"≥ {shape['minimum']:g}"] if "minimum" in shape else []
    bounds += [f"≤ {shape['maximum']:g}"] if "maximum" in shape else []
    kind = {"array": "list of names", "boolean": "true, false", "object": "JSON object", "string": "text"}
    return " ".join(bounds) or kind.get(shape["type"], shape["type"])


def with_tables(readme: str) -> str:
    """The README's text with its tables as the code says now."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{settings_table()}{END}{after}"


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
