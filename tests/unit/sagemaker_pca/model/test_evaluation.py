"""The quality gate: what passes, what is refused, and in which words."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.checks import Check
from sagemaker_pca.model.evaluation import Evaluation, evaluate
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.settings.pipeline import PcaRunConfig

COLUMNS = ("Ch5", "Ch6", "Ch7", "Ch8")
LIMITS = PcaRunConfig()

Rows = NDArray[np.float64]
Train = Callable[[Rows, int], PcaModel]
Measure = Callable[[Rows], Moments]


def make_rows(count: int = 500, seed: int = 1) -> Rows:
    generator = np.random.default_rng(seed)
    return generator.normal(size=(count, 4)) * [4.0, 2.0, 1.0, 0.5] + [10.0, -3.0, 0.0, 100.0]


def check(evaluation: Evaluation, name: str) -> Check:
    return next(check for check in evaluation.checks if check.name == name)


def test_a_first_run_with_good_data_passes_without_a_comparison(train: Train, make_moments: Measure) -> None:
    rows = make_rows()

    evaluation = evaluate(train(rows, 3), make_moments(rows), LIMITS)

    assert evaluation.passed
    assert evaluation.reason == ""
    assert evaluation.comparison is None
    assert [check.name for check in evaluation.checks] == [
        "rows",
        "null_fraction",
        "non_finite_numbers",
        "float32_loss",
        "explained_variance",
    ]


def test_metrics_equal_a_plain_decomposition_of_the_rows(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    singular_values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)
    ratio = singular_values**2 / (singular_values**2).sum()

    metrics = evaluate(train(rows, 3), make_moments(rows), LIMITS).metrics

    assert metrics.rows == 500
    assert metrics.explained_variance_ratio == pytest.approx(ratio[:3][::-1])
    assert metrics.explained_variance == pytest.approx(ratio[:3].sum())


def test_the_message_of_a_failed_check_names_value_limit_gap_and_remedy(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    model = train(rows, 1)
    share = evaluate(model, make_moments(rows), LIMITS).metrics.explained_variance
    assert share is not None
    exact = replace(model, singular_values=model.singular_values * np.sqrt(0.41 / share))

    failed = check(evaluate(exact, make_moments(rows), LIMITS), "explained_variance")

    assert failed.message == (
        "explained_variance=0.41 is below min_explained_variance=0.5 by 0.09. "
        "Add components, check the data, or lower the limit."
    )
    assert (failed.passed, failed.limit) == (False, 0.5)


def test_too_few_rows_are_refused(train: Train, make_moments: Measure) -> None:
    rows = make_rows(count=57)

    evaluation = evaluate(train(rows, 3), make_moments(rows), LIMITS)

    assert evaluation.reason == "rows=57 is below min_rows=100 by 43. Add raw files, or lower the limit."


def test_the_column_with_most_missing_values_is_named(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    moments = replace(make_moments(rows), null_count=np.array([0, 10, 155, 0]))

    failed = check(evaluate(train(rows, 3), moments, LIMITS), "null_fraction")

    assert failed.message.startswith("null_fraction=0.31 in column Ch7 is above max_null_fraction=0.1 by 0.21.")


def test_a_value_exactly_at_its_limit_passes(train: Train, make_moments: Measure) -> None:
    rows = make_rows(count=100)
    moments = replace(make_moments(rows), null_count=np.array([0, 10, 0, 0]))

    assert evaluate(train(rows, 3), moments, LIMITS).passed


def test_a_metric_that_is_not_a_number_fails_its_check(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    broken = replace(make_moments(rows), squared_deviations=np.array([1.0, np.nan, 1.0, 1.0]))

    failed = check(evaluate(train(rows, 3), broken, LIMITS), "explained_variance")

    assert failed.value is None
    assert not failed.passed
    assert "is not a number" in failed.message


def test_rows_without_any_variance_fail_the_explained_variance_check(train: Train, make_moments: Measure) -> None:
    rows = np.full((200, 4), 7.0)

    evaluation = evaluate(train(rows, 2), make_moments(rows), LIMITS)

    assert check(evaluation, "explained_variance").value is None
    assert not evaluation.passed


@pytest.mark.parametrize("part", ["mean", "singular_values", "components"])
def test_a_number_that_is_not_finite_anywhere_in_the_model_is_refused(
    train: Train, make_moments: Measure, part: str
) -> None:
    rows = make_rows()
    model = train(rows, 3)
    numbers = getattr(model, part).copy()
    numbers.flat[-1] = np.nan

    evaluation = evaluate(replace(model, **{part: numbers}), make_moments(rows), LIMITS)

    assert check(evaluation, "non_finite_numbers").value == 1
    assert not check(evaluation, "non_finite_numbers").passed


def test_a_model_that_explains_more_than_everything_is_refused(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    model = train(rows, 4)
    fed_twice = replace(model, singular_values=model.singular_values * np.sqrt(2))

    failed = check(evaluate(fed_twice, make_moments(rows), LIMITS), "explained_variance")

    assert "is above 1 by 1" in failed.message
    assert "not of the same rows" in failed.message


def test_a_model_trained_without_subtracting_the_mean_is_measured_about_zero(make_moments: Measure) -> None:
    rows = make_rows()
    values, vectors = np.linalg.eigh(rows.T @ rows)
    uncentred = PcaModel(np.zeros(4), np.sqrt(values[-2:]), vectors[:, -2:])

    metrics = evaluate(uncentred, make_moments(rows), LIMITS).metrics

    assert metrics.explained_variance == pytest.approx(values[-2:].sum() / values.sum())


def test_a_model_with_scaling_folded_in_is_measured_in_standardized_units(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    center, scale = rows.mean(axis=0), rows.std(axis=0)
    standardized = (rows - center) / scale
    folded = train(standardized, 2).with_scaling_folded_in(center, scale)
    moments = replace(make_moments(rows), center=center, scale=scale, scaling="standardize")
    singular_values = np.linalg.svd(standardized, compute_uv=False)

    metrics = evaluate(folded, moments, LIMITS).metrics

    assert metrics.explained_variance == pytest.approx((singular_values[:2] ** 2).sum() / (singular_values**2).sum())


def test_a_serving_model_of_other_columns_is_not_replaced(train: Train, make_moments: Measure) -> None:
    rows = make_rows()

    evaluation = evaluate(
        train(rows, 3),
        make_moments(rows),
        LIMITS,
        served=train(rows, 3),
        served_columns=("Ch5", "Ch6", "Ch7", "Ch9"),
    )

    assert check(evaluation, "feature_columns").message == (
        "feature_columns differ from the serving model's: Ch8 only here, Ch9 only there. Choose another endpoint_name."
    )
    assert evaluation.comparison is None
    assert not evaluation.passed


def test_the_same_columns_in_another_order_are_refused(train: Train, make_moments: Measure) -> None:
    rows = make_rows()

    evaluation = evaluate(
        train(rows, 3), make_moments(rows), LIMITS, served=train(rows, 3), served_columns=COLUMNS[::-1]
    )

    assert "the same names in another order" in evaluation.reason


def test_without_known_columns_their_number_is_compared(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    wider = train(np.hstack([rows, rows[:, :1]]), 3)

    evaluation = evaluate(train(rows, 3), make_moments(rows), LIMITS, served=wider)

    assert "4 columns here, 5 there" in evaluation.reason
    assert "Choose another endpoint_name." in evaluation.reason


def test_many_differing_columns_are_counted_rather_than_listed(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    other = tuple(f"sensor-{number}" for number in range(2000))

    evaluation = evaluate(train(rows, 3), make_moments(rows), LIMITS, served_columns=other)

    assert "and 1,999 more" in evaluation.reason
    assert len(evaluation.reason) < 300


def test_a_model_that_explains_much_less_than_the_serving_one_is_refused(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    served = train(rows, 2)

    evaluation = evaluate(
        train(rows, 1), make_moments(rows), LIMITS, served=served, served_columns=COLUMNS
    )  # the largest alone passes min_explained_variance

    failed = check(evaluation, "explained_variance_drop")
    assert [check.name for check in evaluation.failures] == ["explained_variance_drop"]
    assert failed.value == pytest.approx(0.19, abs=0.03)
    assert "is above max_explained_variance_drop=0.05 by" in failed.message


def test_a_larger_angle_is_reported_and_not_judged(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    turned = PcaModel(rows.mean(axis=0), np.ones(1), np.array([[0.0], [0.0], [0.0], [1.0]]))

    evaluation = evaluate(train(rows, 1), make_moments(rows), LIMITS, served=turned, served_columns=COLUMNS)

    assert evaluation.passed
    assert evaluation.comparison is not None
    assert evaluation.comparison.largest_principal_angle_degrees == pytest.approx(90, abs=3)


def test_a_serving_model_with_broken_numbers_fails_the_comparison(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    model = train(rows, 3)
    broken = replace(model, components=np.full_like(model.components, np.nan))

    evaluation = evaluate(model, make_moments(rows), LIMITS, served=broken, served_columns=COLUMNS)

    assert [check.name for check in evaluation.failures] == ["explained_variance_drop"]


@pytest.mark.parametrize("columns", [None, COLUMNS], ids=["columns unknown", "columns known"])
def test_a_served_model_that_is_gone_keeps_no_new_one_back_and_is_told(
    train: Train, make_moments: Measure, columns: tuple[str, ...] | None
) -> None:
    rows = make_rows()
    evaluation = evaluate(train(rows, 3), make_moments(rows), LIMITS, served_columns=columns, gone="model m")
    checks = {check.name: check for check in evaluation.checks}
    assert evaluation.passed
    assert evaluation.comparison is not None
    assert evaluation.comparison.note == "No comparison possible: model m is gone."
    assert evaluation.comparison.served_explained_variance is None
    assert checks["explained_variance_drop"].message == evaluation.comparison.note
    assert ("feature_columns" in checks) is (columns is not None), "what is known of it is compared"


def test_other_columns_are_refused_though_the_served_model_is_gone(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    evaluation = evaluate(train(rows, 3), make_moments(rows), LIMITS, served_columns=("other",), gone="artifact a")
    assert [check.name for check in evaluation.failures] == ["feature_columns"]


@pytest.mark.parametrize("scaled", [False, True], ids=["raw", "standardized"])
def test_a_column_whose_offset_eats_the_digits_of_float32_is_refused_by_name(
    train: Train, make_moments: Measure, scaled: bool
) -> None:
    rows = make_rows()
    rows[:, 1] = 1.6e9 + 20 * np.random.default_rng(2).normal(size=len(rows))  # epoch seconds
    moments = make_moments(rows)
    if scaled:
        center, scale = moments.mean, moments.standard_deviations
        model = train((rows - center) / scale, 3).with_scaling_folded_in(center, scale)
        moments = replace(moments, center=center, scale=scale, scaling="standardize")
    else:
        model = train(rows, 3)

    failed = check(evaluate(model, moments, LIMITS), "float32_loss")

    assert not failed.passed
    assert "column Ch6 varies by" in failed.message
    assert "about 1.6e+09" in failed.message
    assert "subtract a constant from the column in the raw data, or leave it out" in failed.message


def test_the_remedy_that_the_refusal_names_is_one(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    rows[:, 1] = 1.6e9 + 20 * np.random.default_rng(2).normal(size=len(rows)) - 1.6e9
    assert evaluate(train(rows, 3), make_moments(rows), LIMITS).passed


@pytest.mark.parametrize("constant", [1.6e9, 1_600_000_000.1])  # the mean of the second one is rounded
def test_a_constant_column_with_a_large_offset_has_nothing_to_lose(
    train: Train, make_moments: Measure, constant: float
) -> None:
    rows = make_rows()
    rows[:, 1] = constant
    assert check(evaluate(train(rows, 3), make_moments(rows), LIMITS), "float32_loss").passed


def test_judged_are_the_numbers_that_the_artifact_stores(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    model = train(rows, 3)
    stored = PcaModel.from_artifact(model.to_artifact())
    assert evaluate(model, make_moments(rows), LIMITS) == evaluate(stored, make_moments(rows), LIMITS)
    np.testing.assert_array_equal(model.as_stored().components, stored.components)


def test_a_number_that_float32_cannot_hold_is_refused_as_infinite(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    model = train(rows, 3)
    components = model.components.copy()
    components[0, 0] = 1e39
    evaluation = evaluate(replace(model, components=components), make_moments(rows), LIMITS)
    assert check(evaluation, "non_finite_numbers").value == 1


def test_the_spectrum_goes_on_behind_the_kept_components(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    singular_values = np.linalg.svd(rows - rows.mean(axis=0), compute_uv=False)

    metrics = evaluate(train(rows, 2), make_moments(rows), LIMITS).metrics

    assert metrics.spectrum is not None
    assert metrics.spectrum == pytest.approx(singular_values**2 / (singular_values**2).sum())
    assert metrics.spectrum[:2] == pytest.approx(metrics.explained_variance_ratio[::-1])


def test_the_spectrum_is_in_the_units_of_training(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    moments = make_moments(rows)
    scaled = replace(moments, center=moments.mean, scale=moments.standard_deviations, scaling="standardize")
    standardized = train((rows - moments.mean) / moments.standard_deviations, 3)
    served = standardized.with_scaling_folded_in(moments.mean, moments.standard_deviations)
    # As trained with subtract_mean=false: about zero.
    values, vectors = np.linalg.eigh(rows.T @ rows)
    uncentred = PcaModel(np.zeros(4), np.sqrt(values[1:]), vectors[:, 1:])

    for metrics in (evaluate(served, scaled, LIMITS).metrics, evaluate(uncentred, moments, LIMITS).metrics):
        assert metrics.spectrum is not None
        assert sum(metrics.spectrum) == pytest.approx(1)
        assert metrics.spectrum[:3] == pytest.approx(metrics.explained_variance_ratio[::-1], rel=1e-5)


def test_there_is_no_spectrum_without_a_scatter_matrix_or_without_variance(train: Train, make_moments: Measure) -> None:
    rows = make_rows()
    wide = replace(make_moments(rows), scatter=None)
    flat = np.ones((200, 4))

    assert evaluate(train(rows, 3), wide, LIMITS).metrics.spectrum is None
    assert evaluate(train(flat, 3), make_moments(flat), LIMITS).metrics.spectrum is None
