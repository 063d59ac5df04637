"""Writes the README's tables, settings from the code and figures from `make bench`: `python -m docs.readme_tables`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from benchmarks.measurement import Results, picture_path
from benchmarks.table import growth_markdown, markdown
from sagemaker_pca.settings.endpoint_command import EndpointCommand
from sagemaker_pca.settings.layers import what_decides
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.settings.transform import TransformConfig

README = Path(__file__).parents[1] / "README.md"
TABLES: dict[str, type[BaseModel]] = {
    "pca_pipeline": PcaRunConfig,
    "pca_batch_transform": TransformConfig,
    "sagemaker_endpoints": EndpointCommand,
}


def settings_table(model: type[BaseModel]) -> str:
    """One row per setting: its name, built-in default, allowed values, help and, of a run's, what it decides."""
    decides = what_decides(model)
    is_of_a_run = decides.keys() == model.model_fields.keys()
    heads = ["setting", "default", "allowed", "what it does", *(["decides"] if is_of_a_run else [])]
    lines, section = [_row(heads), "|" + "---|" * len(heads)], None
    for name, schema in model.model_json_schema()["properties"].items():
        if schema["section"] != section:
            section = schema["section"]
            lines.append(f"| **{section}** |" + " |" * (len(heads) - 1))
        cells = [f"`{name}`", _default(model, name), _allowed(schema), _cell(schema["description"])]
        lines.append(_row([*cells, *([decides[name]] if is_of_a_run else [])]))
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


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


def speed_section(results: Results) -> str:
    """The rows that have a limit, where and when they were taken, and the pictures."""
    if not results.groups:
        return "Nothing measured yet.\n"
    pictures = [(group.title, picture_path(name).relative_to(README.parent)) for name, group in results.groups.items()]
    links = " · ".join(f"[{title}]({path})" for title, path in pictures)
    title, shown = pictures[0]
    paragraphs = (
        _taken(results),
        markdown(results.groups).rstrip(),
        growth_markdown(results.groups).rstrip(),
        f"All figures as pictures: {links}.",
        f"![{title}]({shown})",
    )
    return "\n\n".join(paragraphs) + "\n"


def _taken(results: Results) -> str:
    groups = results.groups.values()
    loads = [load for group in groups for load in (group.load_before, group.load_after)]
    machines = sorted({str(group.machine) for group in groups})
    return (
        f"Taken {max(group.taken_at for group in groups)} on {'; '.join(machines)}, "
        f"with a load average between {min(loads):g} and {max(loads):g}."
    )


def with_tables(readme: str) -> str:
    """The README's text with its tables as code and results say now."""
    for dag_id, model in TABLES.items():
        readme = with_part(readme, f"settings of {dag_id}", settings_table(model))
    return with_part(readme, "speed", speed_section(Results.read()))


def with_part(readme: str, name: str, text: str) -> str:
    """The README's text with other lines between the two comments of a name."""
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->"
    before, found, rest = readme.partition(begin)
    if not found:
        raise ValueError(f"README.md has no line {begin.strip()}. Put it, and its end, where the table belongs.")
    return f"{before}{begin}{text}{end}{rest.partition(end)[2]}"


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
