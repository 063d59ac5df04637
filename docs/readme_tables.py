"""Writes the README's settings tables from the code: `python -m docs.readme_tables` after a setting changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from sagemaker_pca.run_config import PcaRunConfig
from sagemaker_pca.sweep.command_config import EndpointCommand
from sagemaker_pca.transform_config import TransformConfig

README = Path(__file__).parents[1] / "README.md"
TABLES: dict[str, type[BaseModel]] = {
    "pca_pipeline": PcaRunConfig,
    "pca_batch_transform": TransformConfig,
    "sagemaker_endpoints": EndpointCommand,
}


def settings_table(model: type[BaseModel]) -> str:
    """One row per setting: its name, built-in default, allowed values and help."""
    lines = ["| setting | default | allowed | what it does |", "|---|---|---|---|"]
    section = None
    schemas = model.model_json_schema()
    for name, schema in schemas["properties"].items():
        if schema["section"] != section:
            section = schema["section"]
            lines.append(f"| **{section}** | | | |")
        row = (f"`{name}`", _default(model, name), _allowed(schema), _cell(schema["description"]))
        lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines) + "\n"


def _default(model: type[BaseModel], name: str) -> str:
    default = model.model_fields[name].default
    if default is None or default in ((), {}):
        return "unset"
    shown = ", ".join(default) if isinstance(default, tuple) else str(default)
    return f"`{_cell(shown.lower() if isinstance(default, bool) else shown)}`"


def _allowed(schema: dict[str, Any]) -> str:
    shape = schema | next((option for option in schema.get("anyOf", ()) if option.get("type") != "null"), {})
    if "enum" in shape:
        return ", ".join(f"`{_cell(value)}`" for value in shape["enum"])
    bounds = [f"≥ {shape['minimum']:g}"] if "minimum" in shape else []
    bounds += [f"≤ {shape['maximum']:g}"] if "maximum" in shape else []
    kinds = {"array": "list", "boolean": "true, false", "object": "JSON object", "string": "text"}
    return " ".join(bounds) or kinds[shape["type"]]


def _cell(text: str) -> str:
    """Text that does not end its table cell."""
    return text.replace("|", "\\|").replace("\t", "\\t")


def with_tables(readme: str) -> str:
    """The README's text with its tables as the code says now."""
    for dag_id, model in TABLES.items():
        begin, end = f"<!-- settings of {dag_id}: begin -->\n", f"<!-- settings of {dag_id}: end -->"
        before, found, rest = readme.partition(begin)
        if not found:
            raise ValueError(f"README.md has no line {begin.strip()}. Put it, and its end, where the table belongs.")
        readme = f"{before}{begin}{settings_table(model)}{end}{rest.partition(end)[2]}"
    return readme


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
