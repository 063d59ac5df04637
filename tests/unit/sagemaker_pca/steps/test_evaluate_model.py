from __future__ import annotations

import pytest

from sagemaker_pca.model.evaluation import Metrics
from sagemaker_pca.steps.evaluate_model import variance_text


def metrics_of(*ratios: float) -> Metrics:
    return Metrics(
        rows=1,
        null_fraction=0.0,
        null_fraction_column=None,
        explained_variance_ratio=ratios,
        explained_variance=sum(ratios),
        spectrum=None,
        non_finite_numbers=0,
        float32_loss=0.0,
        float32_loss_column=None,
    )


@pytest.mark.parametrize(
    ("ratios", "text"),
    [
        ((0.8,), "explains 80.0% of the variance by 1 component: PC1 80.0%"),
        ((0.1, 0.2, 0.5), "explains 80.0% of the variance by 3 components: PC1 50.0%, PC2 20.0%, PC3 10.0%"),
        (
            (0.01, 0.03, 0.06, 0.1, 0.2, 0.5),
            "explains 90.0% of the variance by 6 components: PC1 50.0%, PC2 20.0%, PC3 10.0%, PC4 6.0%, PC5 3.0%, …",
        ),
    ],
)
def test_components_are_told_from_the_largest_on(ratios: tuple[float, ...], text: str) -> None:
    assert variance_text(metrics_of(*ratios)) == text
