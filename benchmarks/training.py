"""Training in the embedded SageMaker beside scikit-learn, and its parts beside the machine's own speed.

Each side runs in a fresh process and stops the time after imports: from files to the model here, from a NumPy file to
the fitted object there. Both compute in double precision.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from benchmarks.fresh_process import Command, Usage, module, run, say, take_turns
from benchmarks.measurement import Group, Growth, Row
from benchmarks.programs.train import COMPONENTS
from sagemaker_local.pca_algorithm.recordio import write_features

# Rows of each width; the widest is what the parts are taken apart at.
SHAPES = {4: 4_000_000, 34: 1_000_000, 256: 50_000, 2_000: 20_000}
INCREMENTAL_WIDTH, WIDE = 256, 2_000
GROWTH_WIDTH, GROWTH_ROWS = 4, (155_766, 1_557_664, 15_576_640)
LARGE_ROWS = 50_000_000
CHUNK_ROWS = 500_000
ROUNDS = 3
MAX_RATIO, MAX_INCREMENTAL_RATIO, MAX_ACCUMULATION_RATIO, MAX_MEMORY_RATIO = 1.3, 0.2, 1.5, 1.15
COVARIANCE, INCREMENTAL = "scikit-learn's PCA (covariance_eigh), reading included", "scikit-learn's IncrementalPCA"


def measure(folder: Path, full: bool) -> Group:
    """Train at several widths, and over 10 and 100 times the rows."""
    rows: list[Row] = []
    for width, row_count in SHAPES.items():
        matrix, container = write_matrix(folder, row_count, width)
        rows += beside_scikit_learn(matrix, container, row_count, width)
        if width == WIDE:
            rows += parts(matrix, container, row_count)
    growth = growth_of_training(folder, full)
    return Group(rows=(*rows, memory_row(growth)), growth=(growth,))


def write_matrix(folder: Path, row_count: int, width: int) -> tuple[Path, Path]:
    """Write the same matrix as NumPy's file and as a training folder."""
    say(f"  {row_count:,} rows of {width} columns")
    random = np.random.default_rng(0)
    rows = random.normal(size=(row_count, width)).astype(np.float32) * np.geomspace(9, 0.5, width, dtype=np.float32)
    matrix, container = folder / "matrix.npy", training_folder(folder / f"training-{width}", width)
    np.save(matrix, rows)
    with part_file(container).open("wb") as file:
        write_features(file, rows)
    return matrix, container


def training_folder(container: Path, width: int) -> Path:
    """Return a /opt/ml folder as the platform makes it, without data."""
    config = container / "input" / "config"
    config.mkdir(parents=True, exist_ok=True)
    part_file(container).parent.mkdir(parents=True, exist_ok=True)
    hyperparameters = {"feature_dim": str(width), "num_components": str(COMPONENTS), "mini_batch_size": "200"}
    documents = {
        "hyperparameters": hyperparameters,
        "inputdataconfig": {"train": {"ContentType": "application/x-recordio-protobuf"}},
        "resourceconfig": {"current_host": "algo-1", "hosts": ["algo-1"]},
    }
    for name, document in documents.items():
        (config / f"{name}.json").write_text(json.dumps(document), encoding="utf-8")
    return container


def part_file(container: Path) -> Path:
    """Return the one file of the training channel."""
    return container / "input" / "data" / "train" / "part-0.pbr"


def program(what: str, path: Path) -> Command:
    """Return the command of one side."""
    return module("benchmarks.programs.train", what, path)


def beside_scikit_learn(matrix: Path, container: Path, row_count: int, width: int) -> list[Row]:
    """Compare whole trainings."""
    sides = {"ours": program("ours", container), "covariance_eigh": program("covariance_eigh", matrix)}
    sides["single precision"] = program("covariance_eigh_single", matrix)
    if width == INCREMENTAL_WIDTH:
        sides["incremental"] = program("incremental", matrix)
    taken = take_turns(sides, ROUNDS)
    name, data = f"training on {row_count:,} rows of {width:,} columns", (row_count, width)
    found = [comparison(name, taken["ours"], COVARIANCE, taken["covariance_eigh"], data, MAX_RATIO)]
    single = f"{COVARIANCE}, single precision"
    found.append(comparison(name, taken["ours"], single, taken["single precision"], data))
    if "incremental" in taken:
        found.append(comparison(name, taken["ours"], INCREMENTAL, taken["incremental"], data, MAX_INCREMENTAL_RATIO))
    return found


def parts(matrix: Path, container: Path, row_count: int) -> list[Row]:
    """Compare accumulation, reading and decomposition, each apart."""
    inputs = {"accumulation": matrix, "product": matrix, "reading": container, "loading": matrix}
    inputs |= {"decomposition": matrix, "threaded_decomposition": matrix}
    taken = take_turns({what: program(what, path) for what, path in inputs.items()}, ROUNDS)
    name, data = f"{row_count:,} rows of {WIDE:,} columns", (row_count, WIDE)
    return [
        comparison(
            f"sums of {name}", taken["accumulation"], "NumPy's X.T @ X", taken["product"], data, MAX_ACCUMULATION_RATIO
        ),
        comparison(f"reading {name} as RecordIO", taken["reading"], "numpy.load", taken["loading"], data),
        comparison(
            f"eigenvectors of {WIDE:,} columns, in one thread",
            taken["decomposition"],
            "in all threads",
            taken["threaded_decomposition"],
            None,
        ),
    ]


def comparison(
    name: str,
    ours: Usage,
    beside: str,
    theirs: Usage,
    data: tuple[int, int] | None,
    max_ratio: float | None = None,
) -> Row:
    """Compare what both stopwatches said, and the rows and columns that they went through, if any."""
    return Row(
        name=name,
        unit="s",
        ours=ours.reported["seconds"],
        beside=beside,
        theirs=theirs.reported["seconds"],
        max_ratio=max_ratio,
        processor_ratio=ours.reported["processor_seconds"] / theirs.reported["processor_seconds"],
        data_rows=data[0] if data else None,
        data_bytes=4 * data[0] * data[1] if data else None,
    )


def growth_of_training(folder: Path, full: bool) -> Growth:
    """Train on 10 and 100 times the rows."""
    sizes = [*GROWTH_ROWS, *([LARGE_ROWS] if full else [])]
    usages = []
    for size in sizes:
        container = training_folder(folder / "training-growth", GROWTH_WIDTH)
        write_rows(part_file(container), size)
        usages.append(run(program("ours", container)))
        say(f"  {size:,} rows: {usages[-1].reported['seconds']:.2f} s, {usages[-1].peak_mb:.0f} MB")
    return Growth(
        name=f"training, {GROWTH_WIDTH} columns",
        sizes=tuple(sizes),
        seconds=tuple(usage.reported["seconds"] for usage in usages),
        peak_mb=tuple(usage.peak_mb for usage in usages),
    )


def write_rows(path: Path, row_count: int) -> None:
    """Write records in chunks, the same ones again and again."""
    chunk = np.random.default_rng(0).normal(size=(CHUNK_ROWS, GROWTH_WIDTH)).astype(np.float32)
    with path.open("wb") as file:
        for start in range(0, row_count, CHUNK_ROWS):
            write_features(file, chunk[: row_count - start])


def memory_row(growth: Growth) -> Row:
    """Compare the peaks of memory of ten times the rows and of the rows once."""
    once, tenfold = (growth.peak_mb[growth.sizes.index(size)] for size in GROWTH_ROWS[1:])
    return Row(
        name="peak memory, 10 times the rows",
        unit="MB",
        ours=tenfold,
        beside="the rows once",
        theirs=once,
        max_ratio=MAX_MEMORY_RATIO,
    )
