"""Results as one aligned table for a terminal, or as rows of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from benchmarks.measurement import Group, Row

HEADINGS = ("", "this project", "beside", "", "ratio", "CPU ratio", "limit", "", "rows/s", "GB/s per core")
VERDICTS = {True: "met", False: "MISSED", None: ""}


def render(groups: Mapping[str, Group]) -> str:
    """Return all groups as one table whose columns line up."""
    lines: list[Sequence[str]] = [HEADINGS]
    titles: dict[int, str] = {}
    for name, group in groups.items():
        busy = "" if group.was_idle else f", {busy_machine(group)}"
        titles[len(lines)] = f"{group.title} ({name}{busy})"
        lines += [cells(row, rate_per_core(group, row)) for row in group.rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(aligned(lines, widths, titles)) + "\n"


def aligned(lines: Sequence[Sequence[str]], widths: Sequence[int], titles: Mapping[int, str]) -> Iterator[str]:
    """Yield the lines with padding, names to the left and numbers to the right, each group under its title."""
    left = (0, 2, 7)
    for number, line in enumerate(lines):
        if number in titles:
            yield f"\n{titles[number]}"
        padded = (
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        yield "  ".join(padded).rstrip()


def cells(row: Row, rate: str) -> tuple[str, ...]:
    """Return a row as text."""
    return (
        f"  {row.name}",
        amount(row.ours, row.unit),
        row.beside,
        amount(row.theirs, row.unit) if row.theirs is not None else "",
        multiple(row.ratio) if row.ratio is not None else "",
        multiple(row.processor_ratio) if row.processor_ratio is not None else "",
        row.limit,
        VERDICTS[row.is_met],
        f"{row.rows_per_second:,.0f}" if row.rows_per_second else "",
        rate,
    )


def multiple(ratio: float) -> str:
    """Return a ratio in hundredths, a smaller one in its first digit."""
    return f"{ratio:.2f}" if ratio >= 0.01 or ratio == 0 else f"{ratio:.1g}"


def busy_machine(group: Group) -> str:
    """Return what to hold against the figures of a group whose machine was not idle."""
    return f"not idle: load {group.load_before:g}"


def rate_per_core(group: Group, row: Row) -> str:
    """Return the gigabytes a second that fall to each of the machine's cores, where the row says how many bytes."""
    rate = group.machine and row.gigabytes_per_second(group.machine.cores)
    return f"{rate:.2g}" if rate else ""


def amount(value: float, unit: str) -> str:
    """Return a number with its unit, in three digits; what is far below a second in milliseconds."""
    if unit == "s" and 0 < value < 0.1:
        value, unit = 1000 * value, "ms"
    digits = f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"
    return f"{digits} {unit}"


def markdown(group: Group) -> str:
    """Return the rows of a group as a Markdown table, with rates where there are any."""
    lines = [("", "this project", "beside", "ratio", "limit"), ("---",) * 5, *map(markdown_cells, group.rows)]
    rates = [rate_per_core(group, row) for row in group.rows]
    if any(rates):
        lines = [(*line, rate) for line, rate in zip(lines, ("GB/s per core", "---", *rates), strict=True)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def growth_markdown(groups: Mapping[str, Group]) -> str:
    """Return how time and memory grow, where both were measured, as a Markdown table."""
    lines = ["| cost by size | size: seconds, memory at most |", "|---|---|"]
    for growth in (growth for group in groups.values() for growth in group.growth if growth.peak_mb):
        points = zip(growth.sizes, growth.seconds, growth.peak_mb, strict=True)
        shown = (f"{size:,}: {amount(seconds, 's')}, {amount(mb, 'MB')}" for size, seconds, mb in points)
        lines.append(f"| {growth.name} | {' · '.join(shown)} |")
    return "\n".join(lines) + "\n"


def markdown_cells(row: Row) -> tuple[str, ...]:
    """Return a row as text; a missed limit says so."""
    beside = f"{row.beside}: {amount(row.theirs, row.unit)}" if row.theirs is not None else row.beside
    ratio = multiple(row.ratio) if row.ratio is not None else ""
    limit = f"{row.limit}, **missed**" if row.is_met is False else row.limit
    return row.name, amount(row.ours, row.unit), beside, ratio, limit
