"""What a measurement finds: rows that stand beside something, growth over sizes, and the file that keeps them."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, computed_field

RESULTS = Path(__file__).parents[1] / "docs" / "benchmarks" / "results.json"
UNITS_PER_SECOND = {"s": 1, "ms": 1000}
# The load average below which nothing else disturbs a measurement.
IDLE_LOAD = 0.5
PACKAGES = ("apache-airflow", "apache-airflow-providers-amazon", "numpy", "pandas", "pyarrow", "scikit-learn")
# Four digits are kept: more are noise.
Number = Annotated[float, PlainSerializer(lambda number: float(f"{number:.4g}"), return_type=float)]


class Frozen(BaseModel):
    """A value that is written to the results and read back; what follows from others is written only."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Row(Frozen):
    """One comparison: medians of this project and of what stands beside it, less being better."""

    name: str
    unit: str
    ours: Number
    beside: str = ""
    theirs: Number | None = None
    max_ratio: float | None = None
    max_ours: float | None = None
    processor_ratio: Number | None = None
    data_rows: int | None = None
    # Raw data as it lies in files; features as four bytes each, in whatever format.
    data_bytes: int | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def ratio(self) -> Number | None:
        """Ours divided by theirs."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def limit(self) -> str:
        """The limit in words, empty without one."""
        limits = [f"{self.max_ratio:g} x"] if self.max_ratio is not None else []
        limits += [f"{self.max_ours:g} {self.unit}"] if self.max_ours is not None else []
        return f"≤ {', '.join(limits)}" if limits else ""

    @computed_field  # type: ignore[prop-decorator]
    @property
    def is_met(self) -> bool | None:
        """Whether the limit is kept; None without one, or where nothing could stand beside."""
        if not self.limit or (self.max_ratio is not None and self.ratio is None):
            return None
        keeps_ratio = self.max_ratio is None or (self.ratio is not None and self.ratio <= self.max_ratio)
        return keeps_ratio and (self.max_ours is None or self.ours <= self.max_ours)

    @property
    def rows_per_second(self) -> float | None:
        """Rows of data a second, of this project."""
        return self._per_second(self.data_rows)

    def gigabytes_per_second(self, cores: int) -> float | None:
        """Return 10⁹ bytes of data a second, of this project, for each core of the machine, busy or not."""
        rate = self._per_second(self.data_bytes)
        return None if rate is None else rate / cores / 1e9

    def _per_second(self, count: int | None) -> float | None:
        return None if count is None or not self.ours else count / self.ours * UNITS_PER_SECOND[self.unit]


class Growth(Frozen):
    """How one program's cost grows: points of equal index belong together."""

    name: str
    sizes: tuple[int, ...]
    seconds: tuple[Number, ...]
    peak_mb: tuple[Number, ...] = ()


class Machine(Frozen):
    """Where and on what measurements were taken."""

    cores: int
    processor: str
    python: str
    packages: Mapping[str, str]

    def __str__(self) -> str:
        packages = ", ".join(f"{name} {version}" for name, version in self.packages.items())
        return f"{self.cores} cores ({self.processor}), Python {self.python}, {packages}"

    @classmethod
    def this(cls) -> Machine:
        """Describe this machine."""
        packages = {name: metadata.version(name) for name in PACKAGES}
        return cls(
            cores=os.cpu_count() or 1, processor=processor_name(), python=platform.python_version(), packages=packages
        )


class Group(Frozen):
    """Everything that one group of measurements found, and how busy the machine was before and after."""

    rows: tuple[Row, ...]
    growth: tuple[Growth, ...] = ()
    size_label: str = "rows"
    title: str = ""
    taken_at: str = ""
    took_seconds: float = 0.0
    load_before: float = 0.0
    load_after: float = 0.0
    machine: Machine | None = None

    @property
    def was_idle(self) -> bool:
        """Whether the machine had nothing else to do when measuring began."""
        return self.load_before < IDLE_LOAD

    @property
    def pictured(self) -> tuple[Row, ...]:
        """What a picture shows: rows that stand beside something, of them those with a limit, unless that leaves one.

        A single comparison needs no picture: the table tells it.
        """
        compared = tuple(row for row in self.rows if row.ratio is not None)
        limited = tuple(row for row in compared if row.limit)
        return next((rows for rows in (limited, compared) if len(rows) > 1), ())


class Results(Frozen):
    """The last measurement of each group."""

    groups: Mapping[str, Group] = Field(default_factory=dict)

    @classmethod
    def read(cls, path: Path = RESULTS) -> Results:
        """Read the results, none where there is no file."""
        return cls.model_validate_json(path.read_bytes()) if path.exists() else cls()

    def write(self, path: Path = RESULTS) -> None:
        """Write the results."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(self.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8")

    def replaced(self, groups: Mapping[str, Group]) -> Results:
        """Return the results with newer groups in place of older ones."""
        return Results(groups={**self.groups, **groups})

    @property
    def missed(self) -> list[str]:
        """Rows whose limit was not kept."""
        return [
            f"{name}: {row.name}" for name, group in self.groups.items() for row in group.rows if row.is_met is False
        ]


def picture_path(group_name: str) -> Path:
    """Return where the picture of a group is kept."""
    return RESULTS.with_name(f"{group_name.replace('_', '-')}.png")


def processor_name() -> str:
    """Return the processor's model as the kernel names it."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    named = next((line for line in lines if line.startswith("model name")), "")
    return named.partition(":")[2].strip() or platform.processor()


def timestamp() -> str:
    """Return the time, to the minute, in UTC."""
    return time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
