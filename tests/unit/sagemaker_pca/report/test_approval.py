"""What a person reads who is asked about a new model."""

from __future__ import annotations

from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.model.checks import Check
from sagemaker_pca.model.comparison import Comparison
from sagemaker_pca.model.data_warnings import DataWarning
from sagemaker_pca.report.approval import approval_page

PASSED = Check("rows", 5, 2, True, "rows=5 reaches min_rows=2.")
MISSED = Check("x", 1, 2, False, "x of column `![a](http://a)` is below y.")


def page(card: ModelCard, **members: object) -> str:
    return approval_page(card.model_copy(update={"comparison": None, **members}), "s3://bucket/card.json")


def test_a_model_that_passed_is_recommended(card: ModelCard) -> None:
    text = page(card, checks=(PASSED, PASSED))
    assert text.startswith("**Recommended**: all 2 checks passed.\n\n```text\n")
    assert "Data: 10,000 rows of 4 feature columns.\n" in text
    assert "✓ rows=5 reaches min_rows=2.\n" in text
    assert text.endswith("The whole model card: `s3://bucket/card.json`")


def test_a_refused_one_says_what_failed_beside_what_it_replaces_and_what_to_know(card: ModelCard) -> None:
    comparison = Comparison(0.9, 0.95, 0.05, 12.0, "")
    text = page(card, checks=(PASSED, MISSED), comparison=comparison, warnings=(DataWarning("Odd.", "a=b"),))
    assert text.startswith("**Refused** by the quality gate: 1 check of 2 failed.")
    as_one_line = " ".join(text.split())
    assert "the old model explains 95.0%, the new one 90.0%. Its directions turned by up to 12.0°." in as_one_line
    assert "Warning: Odd. If that is not meant, set a=b." in as_one_line


def test_nothing_is_out_of_sight_behind_a_line_s_end(card: ModelCard) -> None:
    text = page(card, checks=(Check("x", 1, 2, False, "column 'a' " + "is far below what it has to be, " * 9),))
    code = text.split("```")[1].splitlines()
    assert max(map(len, code)) <= 88
    assert "✗ column 'a' is far below" in text
    assert code[-1].startswith("  ")


def test_whatever_a_column_is_named_stays_text(card: ModelCard) -> None:
    text = page(card, checks=(Check("x", 1, 2, False, "column '``` <b>x</b>' is below."),))
    fence, *body = text.split("\n\n")[1].split("\n")
    assert fence == "````text"
    assert body[-1] == "````"
    assert "<b>" in "\n".join(body[:-1])
