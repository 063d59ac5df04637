"""What the import contracts of pyproject.toml cannot say."""

import ast
from collections import Counter
from pathlib import Path

PROJECT = Path(__file__).parents[2]
LONGEST_FILE = 300


def python_files(*folders: str) -> list[Path]:
    return [path for folder in folders for path in sorted((PROJECT / folder).rglob("*.py"))]


def test_no_two_classes_of_the_plugin_have_one_name() -> None:
    names: Counter[str] = Counter()
    for path in python_files("plugins"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        names.update(node.name for node in tree.body if isinstance(node, ast.ClassDef))
    assert [name for name, count in names.items() if count > 1] == []


def test_every_file_can_be_read_in_one_sitting() -> None:
    files = python_files("dags", "plugins", "processing", "sagemaker_local", "quickstart", "benchmarks")
    lengths = {path.relative_to(PROJECT): len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}
