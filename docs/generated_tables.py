"""Writes the tables of docs/, from the code and from what `make bench` found: `python -m docs.generated_tables`."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benchmarks.measurement import IDLE_LOAD, Group, Results, picture_path
from benchmarks.overview import OVERVIEW, overview
from benchmarks.table import growth_markdown, markdown
from docs import scale_tables
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from sagemaker_pca.settings.layers import deployment_names, what_decides
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.settings.transform import TransformConfig

DOCS = Path(__file__).parent
TAB = "\\t"
SETTINGS: dict[str, type[BaseModel]] = {
    "pca_pipeline": PcaRunConfig,
    "pca_batch_transform": TransformConfig,
    "sagemaker_endpoints": EndpointCommand,
}


def _of_results(make: Callable[[Results], str]) -> str:
    return make(Results.read())


# What stands between two comments of a page, by the page and the name in its comments.
PARTS: dict[str, dict[str, Callable[[], str]]] = {
    "settings.md": {"settings of pca_pipeline": lambda: settings_table(SETTINGS["pca_pipeline"])},
    "batch-transform.md": {"settings of pca_batch_transform": lambda: settings_table(SETTINGS["pca_batch_transform"])},
    "endpoints.md": {"settings of sagemaker_endpoints": lambda: settings_table(SETTINGS["sagemaker_endpoints"])},
    "benchmarks.md": {"speed": lambda: speed_section(Results.read())},
    "scale.md": {name: partial(_of_results, make) for name, make in scale_tables.PARTS.items()},
}


def settings_table(model: type[BaseModel]) -> str:
    """One row per setting, under the heading of its section."""
    properties, columns = model.model_json_schema()["properties"], _columns(model)
    lines, section = [_row([*columns]), "|" + "---|" * len(columns)], None
    for name, schema in properties.items():
        if schema["section"] != section:
            section = schema["section"]
            lines.append(f"| **{section}** |" + " |" * (len(columns) - 1))
        lines.append(_row([cell(name, schema) for cell in columns.values()]))
    return "\n".join(lines) + "\n"


def _columns(model: type[BaseModel]) -> dict[str, Callable[[str, dict[str, Any]], str]]:
    """What stands in each column, by its heading."""
    decides, of_deployment = what_decides(model), deployment_names(model)
    is_of_a_run = decides.keys() == model.model_fields.keys()
    return {
        "setting": lambda name, _schema: f"`{name}`",
        "default": lambda name, _schema: _default(model, name),
        "allowed": lambda _name, schema: _allowed(schema),
        "what it does": lambda _name, schema: _cell(schema["description"]),
        "home": lambda name, _schema: "Variable" if name in of_deployment else "DAG file",
        **({"decides": lambda name, _schema: decides[name]} if is_of_a_run else {}),
    }


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _default(model: type[BaseModel], name: str) -> str:
    default = model.model_fields[name].default
    if default is None or default in ((), {}):
        return "unset"
    shown = ", ".join(default) if isinstance(default, tuple) else str(default)
    return _code(shown.lower() if isinstance(default, bool) else shown)


def _allowed(schema: dict[str, Any]) -> str:
    shape = schema | next((option for option in schema.get("anyOf", ()) if option.get("type") != "null"), {})
    if "enum" in shape:
        return ", ".join(_code(value) for value in shape["enum"])
    bounds = [f"≥ {shape['minimum']:g}"] if "minimum" in shape else []
    bounds += [f"> {shape['exclusiveMinimum']:g}"] if "exclusiveMinimum" in shape else []
    bounds += [f"≤ {shape['maximum']:g}"] if "maximum" in shape else []
    kinds = {"array": "list", "boolean": "true, false", "object": "JSON object", "string": "text"}
    return " ".join(bounds) or kinds[shape["type"]]


def _code(text: str) -> str:
    """A value as code, which neither ends its table cell nor shows what keeps it from doing so."""
    return f"<code>{_cell(text)}</code>" if "|" in text else f"`{text.replace(chr(9), TAB)}`"


def _cell(text: str) -> str:
    """Text that does not end its table cell; what stands in angle brackets would else be an HTML element."""
    return text.replace("|", "&#124;").replace("<", "&lt;")


def speed_section(results: Results) -> str:
    """Where and when all was taken, and of each group its rows and its picture."""
    if not results.groups:
        return "Nothing measured yet.\n"
    machines = sorted({str(group.machine) for group in results.groups.values()})
    parts = [f"Taken on {'; '.join(machines)}.", *_picture(overview(results), OVERVIEW)]
    for name, group in results.groups.items():
        parts += [f"## {group.title}", _taken(group), markdown(group).rstrip(), *_picture(group, picture_path(name))]
    parts += ["## Cost by size", growth_markdown(results.groups).rstrip()]
    return "\n\n".join(parts) + "\n"


def _picture(group: Group, path: Path) -> list[str]:
    return [f"![{group.title}]({path.relative_to(DOCS)})"] if group.pictured else []


def _taken(group: Group) -> str:
    """When, and what to hold against the figures if the machine had something else to do."""
    idle = "" if group.was_idle else f". **Not idle**, which is below {IDLE_LOAD:g}: distrust these figures"
    return f"Taken {group.taken_at} at a load of {group.load_before:g}{idle}."


def with_tables(page: str, text: str) -> str:
    """The text of a page with its tables as code and results say now."""
    for name, make in PARTS[page].items():
        text = with_part(page, text, name, make())
    return text


def with_part(page: str, text: str, name: str, part: str) -> str:
    """The text of a page with other lines between the two comments of a name.

    Raises:
        ValueError: when the page has no such comment.
    """
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, found, rest = text.partition(begin)
    if not found:
        raise ValueError(f"{page} has no line {begin.strip()}. Put it, and its end, where the table belongs.")
    # Markdown needs an empty line before and after a table.
    return f"{before}{begin}\n{part}\n{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    for page in PARTS:
        path = DOCS / page
        path.write_text(with_tables(page, path.read_text(encoding="utf-8")), encoding="utf-8")
