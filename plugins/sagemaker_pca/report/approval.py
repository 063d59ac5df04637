"""What a person reads who is asked about a new model, as Markdown."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator

from sagemaker_pca.model.card import ModelCard
from sagemaker_pca.plurals import counted
from sagemaker_pca.report.row_wording import drift_sentences
from sagemaker_pca.report.wording import component_names, model_change, percent_text, warning_text

COMPONENTS_NAMED = 5
LINE_CHARACTERS = 88


def approval_page(card: ModelCard, card_uri: str) -> str:
    """The gate's recommendation, then figures, comparison, drift and warnings, all as code.

    Names of columns are anybody's: in code neither links nor images nor HTML are made of them.
    """
    missed = [check for check in card.checks if not check.passed]
    if missed:
        verdict = f"**Refused** by the quality gate: {counted(len(missed), 'check')} of {len(card.checks)} failed."
    else:
        verdict = f"**Recommended**: all {len(card.checks)} checks passed."
    text = "\n".join(_wrapped(line) for line in _lines(card))
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
    return f"{verdict}\n\n{fence}text\n{text}\n{fence}\n\nThe whole model card: {fence[:1]}{card_uri}{fence[:1]}"


def _wrapped(line: str) -> str:
    # Airflow breaks no line of code: what is longer is out of sight.
    return textwrap.fill(line, LINE_CHARACTERS, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _lines(card: ModelCard) -> Iterator[str]:
    yield f"Data: {card.data.row_count:,} rows of {counted(len(card.data.columns), 'feature column')}."
    shares = [share or 0.0 for share in reversed(card.model.explained_variance_ratio)]
    named = (f"{name} {percent_text(share)}" for name, share in zip(component_names(len(shares)), shares, strict=True))
    parts = ", ".join(list(named)[:COMPONENTS_NAMED]) + (", …" if len(shares) > COMPONENTS_NAMED else "")
    yield f"Variance explained: {percent_text(sum(shares))} by {counted(len(shares), 'component')}: {parts}."
    yield from model_change(card.comparison)
    if card.drift is not None:
        yield from drift_sentences(card.drift)
    yield from (f"{'✓' if check.passed else '✗'} {check.message}" for check in card.checks)
    yield from (f"Warning: {warning_text(warning)}" for warning in card.warnings)
