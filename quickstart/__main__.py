"""`python -m quickstart demo|ui|stop|compose-env|aws-check`: one command per Makefile target."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from quickstart.compose_env import write_compose_env
from quickstart.demo import DemoOptions, run_demo
from quickstart.own_pipeline import own_pipeline
from quickstart.processes import Interrupted, QuickstartError
from quickstart.raw_data import split_columns
from quickstart.ui import run_ui, stop_ui


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; what the user can mend is said in a sentence."""
    options = command_line().parse_args(arguments)
    # A terminal without UTF-8 shows a question mark rather than a traceback.
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        return run(options, Console())
    except QuickstartError as error:
        print(error, file=sys.stderr)
        return 1
    except Interrupted as interruption:
        print("Interrupted; everything that was started has been ended.", file=sys.stderr)
        return int(interruption.code or 1)
    except KeyboardInterrupt:  # before anything was started
        return 130


def command_line() -> argparse.ArgumentParser:
    """Return the parser; make passes an option it was not given as an empty text."""
    parser = argparse.ArgumentParser(prog="python -m quickstart", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="run the pipeline once and print its report")
    add_data_options(demo)
    ui = commands.add_parser("ui", help="Airflow's web interface until Ctrl-C")
    ui.add_argument("--port", default="8080", help="port on 127.0.0.1 (default: %(default)s)")
    add_data_options(ui)
    commands.add_parser("stop", help="end a running ui")
    commands.add_parser("compose-env", help="write .env with generated secrets for docker compose")
    aws_check = commands.add_parser("aws-check", help="run the pipeline on a real account, and remove what it made")
    aws_check.add_argument("--settings", default="", help="settings of the pipeline, as a JSON object")
    aws_check.add_argument("--hourly-prices", default="", help='dollars: {"ml.m5.large": 0.115} (default: known ones)')
    aws_check.add_argument("--yes", action="store_true", help="agree to the cost without being asked")
    return parser


def add_data_options(command: argparse.ArgumentParser) -> None:
    """What a run is made of: data of the user's own, and settings of the pipeline, the common ones by name."""
    command.add_argument("--data", default="", help="CSV, TSV or Parquet: a file or a folder (default: sample ECG)")
    command.add_argument("--features", default="", help="feature columns: a,b,c (default: the numeric ones)")
    command.add_argument("--components", default="", help="principal components to keep")
    command.add_argument("--delimiter", default="", help="field separator (default: the file's)")
    command.add_argument("--decimal", default="", help="decimal mark (default: the file's)")
    command.add_argument("--scaling", default="", help="none or standardize")
    command.add_argument("--settings", default="", help="further settings of the pipeline, as a JSON object")


def whole_number(name: str, text: str, low: int, high: int) -> int:
    """Read a number that the user gave."""
    if not (text.isascii() and text.isdigit() and low <= int(text) <= high):
        raise QuickstartError(f"{name}={text} is no whole number from {low} to {high}.")
    return int(text)


def json_object(name: str, text: str) -> dict[str, Any]:
    """Read a JSON object that the user gave; an empty text is an empty object."""
    try:
        document = json.loads(text or "{}")
    except json.JSONDecodeError as error:
        raise QuickstartError(f"{name}={text} is no JSON: {error}.") from None
    if not isinstance(document, dict):
        raise QuickstartError(f"{name}={text} is no JSON object.")
    return document


def prices(name: str, text: str) -> dict[str, float]:
    """Read prices that the user gave."""
    found = json_object(name, text)
    if wrong := [key for key, value in found.items() if not isinstance(value, int | float) or not value >= 0]:
        raise QuickstartError(f"{name}: {wrong[0]}={found[wrong[0]]!r} is no price. Give dollars per instance hour.")
    return found


def run(options: argparse.Namespace, console: Console) -> int:
    """Run the command that the user named."""
    match options.command:
        case "demo":
            return run_demo(DemoOptions(data_path(options), chosen_settings(options)), console)
        case "ui":
            own = own_pipeline(data_path(options), chosen_settings(options))
            return run_ui(whole_number("PORT", options.port, 1, 65_535), own, console)
        case "stop":
            return stop_ui(console)
        case "compose-env":
            return write_compose_env(console)
        case _:
            # Imports Airflow, which takes longer than other commands take to begin.
            from quickstart.aws_check import CheckOptions, run_check

            hourly_prices = prices("HOURLY_PRICES", options.hourly_prices)
            return run_check(
                CheckOptions(json_object("SETTINGS", options.settings), hourly_prices, options.yes), console
            )


def data_path(options: argparse.Namespace) -> Path | None:
    """The data that the user named."""
    return Path(options.data).expanduser() if options.data else None


def chosen_settings(options: argparse.Namespace) -> dict[str, Any]:
    """The pipeline's settings that the user gave, those by name over those of the JSON object."""
    named = {
        "feature_columns": split_columns(options.features),
        "num_components": options.components and whole_number("COMPONENTS", options.components, 1, 10_000),
        "delimiter": options.delimiter.replace("\\t", "\t"),
        "decimal": options.decimal,
        "scaling": options.scaling,
    }
    return json_object("SETTINGS", options.settings) | {name: value for name, value in named.items() if value}


if __name__ == "__main__":
    sys.exit(main())
