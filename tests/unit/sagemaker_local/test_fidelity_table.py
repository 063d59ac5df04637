"""docs/fidelity.md says nothing that no test shows."""

import re
from pathlib import Path

from sagemaker_local.responses import OWN_OPERATIONS

PROJECT = Path(__file__).parents[3]
TABLE = (PROJECT / "docs" / "fidelity.md").read_text(encoding="utf-8")
ROWS = [line.split("|")[1:-1] for line in TABLE.splitlines() if line.startswith("| ") and not line.startswith("| What")]


def test_every_test_that_the_table_names_exists() -> None:
    sources = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_\w+)`", TABLE))
    assert len(named) > 50
    assert sorted(name for name in named if f"def {name}(" not in sources) == []


def test_whatever_is_said_to_be_as_aws_has_its_test() -> None:
    claims = [row for row in ROWS if len(row) == 4 and row[1].strip() == "as AWS"]
    assert len(claims) > 30
    # Taken and not returned: there is nothing to see.
    assert [row[0].strip() for row in claims if "`test_" not in row[3]] == ["`CustomAttributes`, `InferenceId`"]


def test_every_row_gives_one_of_the_four_verdicts() -> None:
    verdicts = {row[1].strip() for row in ROWS if len(row) == 4}
    assert verdicts == {"as AWS", "simplified", "unverified", "refused"}


def test_every_operation_of_the_service_has_its_row() -> None:
    families = {
        r"(Describe|Delete)(Model|EndpointConfig|Endpoint)": "`DeleteModel`",
        r"List\w+": "`List*`",
        r"(Describe)(Processing|Training|Transform)Job": "`CreateProcessingJob`",
    }
    missing = [
        operation
        for operation in OWN_OPERATIONS
        if f"`{operation}`" not in TABLE
        and not any(re.fullmatch(family, operation) and row in TABLE for family, row in families.items())
    ]
    assert missing == []
