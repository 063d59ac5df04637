"""The processing script on the original recording's size, beside the pandas way and beside a bare pyarrow loop.

Whole processes, Python's start included. The bare loop runs without pandas, as the script does: pyarrow would
import it here and there if it could, which costs a second.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from benchmarks.fresh_process import Command, Usage, module, run, say, script_without_pandas, take_turns
from benchmarks.measurement import Group, Growth, Row
from benchmarks.recording import FEATURES, ROWS, write_recording

SCRIPT = Path(__file__).parents[1] / "processing"
PROGRAMS = Path(__file__).parent / "programs"
ROUNDS = 5
PANDAS_ROUNDS = 3
LARGE_ROWS = 50_000_000
MAX_BARE_LOOP_RATIO, MAX_PANDAS_RATIO, MAX_CSV_RATIO = 1.0, 0.2, 1.0
MAX_MB, MAX_GROWTH_RATIO = 360, 1.15
SHORT_FILES, MAX_SHORT_FILES_RATIO = 100, 1.25

# Twice what reading alone takes: moments, checks and writing are no more than that again.
MAX_READ_RATIO = 2.0

PANDAS, BARE_LOOP = "pandas (read_csv, fillna, astype, to_csv)", "bare pyarrow loop (read, fill, write)"
BARE_READ = "bare pyarrow read of the same columns"


def measure(folder: Path, full: bool) -> Group:
    """Measure the script's time and memory, and both over 10 and 100 times the rows."""
    recording = write_recording(folder / "recording.csv", ROWS)
    say(f"  {ROWS:,} rows, {recording.stat().st_size / 1e6:.0f} MB")
    ours, recordio = (our_command(input_folder(recording), output_format) for output_format in ("csv", "recordio"))
    short = our_command(short_recordings(folder / "short" / "raw"), "recordio")
    pandas = [*module("benchmarks.programs.pandas_features"), recording, folder / "pandas.csv", *FEATURES]
    bare = script_without_pandas(PROGRAMS / "arrow_features.py", recording, folder / "arrow.csv", *FEATURES)
    sides = {"csv": ours, "recordio": recordio, "short": short, "pyarrow": bare, "read": bare_read(recording)}
    quick = take_turns(sides, ROUNDS)
    slow = take_turns({"csv": ours, "pandas": pandas}, PANDAS_ROUNDS)
    growth = [growth_of("processing to CSV", folder, "csv", full), growth_of("to RecordIO", folder, "recordio", full)]
    rows = comparisons(quick, slow, growth[0], recording.stat().st_size)
    if full:
        rows = (*rows, large_row(folder / f"growth-{LARGE_ROWS}.csv", growth[1]))
    return Group(rows=rows, growth=tuple(growth))


def input_folder(recording: Path) -> Path:
    """Return a folder that holds this recording alone."""
    raw = recording.with_suffix("") / "raw"
    raw.mkdir(parents=True, exist_ok=True)
    link = raw / recording.name
    if not link.exists():
        link.hardlink_to(recording)
    return raw


def short_recordings(raw: Path) -> Path:
    """Fill a folder with a recording's rows as many short files."""
    raw.mkdir(parents=True)
    first = write_recording(raw / "000.csv", ROWS // SHORT_FILES)
    for number in range(1, SHORT_FILES):
        shutil.copyfile(first, raw / f"{number:03d}.csv")
    return raw


def script_arguments(raw: Path, output_format: str) -> tuple[str | Path, ...]:
    """Return the script's arguments over a folder of recordings, as the pipeline gives them."""
    folders = ("--input-dir", raw, "--features-dir", raw.parent / output_format, "--stats-dir", raw.parent / "stats")
    # As the programs beside it fill gaps; means take another pass.
    settings = ("--feature-columns", ",".join(FEATURES), "--output-format", output_format, "--missing-values", "zero")
    return *folders, *settings


def our_command(raw: Path, output_format: str) -> Command:
    """Return the command of the script as the pipeline runs it, over a folder of recordings."""
    return script_without_pandas(SCRIPT, *script_arguments(raw, output_format))


def bare_read(recording: Path) -> Command:
    """Return the command that reads the features' columns and no more."""
    return script_without_pandas(PROGRAMS / "arrow_read.py", recording, *FEATURES)


def large_row(recording: Path, growth: Growth) -> Row:
    """Compare the largest file's features with reading it."""
    read = run(bare_read(recording))
    return Row(
        name=f"{LARGE_ROWS:,} rows to RecordIO features",
        unit="s",
        ours=growth.seconds[-1],
        beside=BARE_READ,
        theirs=read.seconds,
        max_ratio=MAX_READ_RATIO,
        data_rows=LARGE_ROWS,
        data_bytes=recording.stat().st_size,
    )


def growth_of(name: str, folder: Path, output_format: str, full: bool) -> Growth:
    """Run the script once per size."""
    sizes = [ROWS // 10, ROWS, 10 * ROWS] + ([LARGE_ROWS] if full else [])
    usages = []
    for rows in sizes:
        recording = folder / f"growth-{rows}.csv"
        if not recording.exists():
            write_recording(recording, rows)
        usages.append(run(our_command(input_folder(recording), output_format)))
        say(f"  {name}, {rows:,} rows: {usages[-1].seconds:.1f} s, {usages[-1].peak_mb:.0f} MB")
    return Growth(
        name=name,
        sizes=tuple(sizes),
        seconds=tuple(usage.seconds for usage in usages),
        peak_mb=tuple(usage.peak_mb for usage in usages),
    )


def comparisons(quick: dict[str, Usage], slow: dict[str, Usage], growth: Growth, data_bytes: int) -> tuple[Row, ...]:
    """Return the rows of the table; the bytes are those of the recording."""
    ours = slow["csv"]
    small, large = (growth.peak_mb[growth.sizes.index(rows)] for rows in (ROWS, 10 * ROWS))
    times = (
        time_row(
            "CSV to CSV features, moments included", quick["csv"], BARE_LOOP, quick["pyarrow"], MAX_BARE_LOOP_RATIO
        ),
        time_row("CSV to CSV features, moments included", ours, PANDAS, slow["pandas"], MAX_PANDAS_RATIO),
        time_row("CSV to RecordIO features", quick["recordio"], BARE_READ, quick["read"], MAX_READ_RATIO),
        time_row("CSV to RecordIO features", quick["recordio"], "to CSV features", quick["csv"], MAX_CSV_RATIO),
        time_row(
            f"RecordIO features of {SHORT_FILES} short files",
            quick["short"],
            "the same rows in one file",
            quick["recordio"],
            MAX_SHORT_FILES_RATIO,
        ),
    )
    return (
        *(row.model_copy(update={"data_bytes": data_bytes}) for row in times),
        Row(
            name="peak memory, CSV to CSV features",
            unit="MB",
            ours=ours.peak_mb,
            beside=PANDAS,
            theirs=slow["pandas"].peak_mb,
            max_ours=MAX_MB,
        ),
        Row(
            name="peak memory, CSV to CSV features, 10 times the rows",
            unit="MB",
            ours=large,
            beside="the rows once",
            theirs=small,
            max_ratio=MAX_GROWTH_RATIO,
        ),
    )


def time_row(name: str, ours: Usage, beside: str, theirs: Usage, max_ratio: float) -> Row:
    """Compare two programs that made the same features."""
    return Row(
        name=name,
        unit="s",
        ours=ours.seconds,
        beside=beside,
        theirs=theirs.seconds,
        max_ratio=max_ratio,
        processor_ratio=ours.processor_seconds / theirs.processor_seconds,
        data_rows=ROWS,
    )
