"""Two runs side by side: what their numbers and settings have different."""

from collections.abc import Sequence

from sagemaker_pca.model.card import Column
from sagemaker_pca.report.document import RunReport, Verdict
from sagemaker_pca.report.side_by_side import MAX_COLUMNS, Row, SideBySide, side_by_side
from sagemaker_pca.report.wording import NO_VALUE


def measure(compared: SideBySide, name: str) -> Row:
    (found,) = [row for row in compared.measures if row.name == name]
    return found


def with_columns(report: RunReport, columns: Sequence[Column]) -> RunReport:
    assert report.data is not None
    return report.model_copy(update={"data": report.data.model_copy(update={"columns": tuple(columns)})})


def test_a_run_beside_itself_differs_in_nothing(promoted: RunReport) -> None:
    compared = side_by_side(promoted, promoted)
    assert compared.angle_degrees is not None
    assert compared.angle_degrees < 1e-3
    assert compared.settings == ()
    assert {row.change for row in (*compared.measures, *compared.components) if row.change} == {"same"}
    assert {row.change for row in compared.columns} == {"0 std"}


def test_what_a_run_lacks_is_a_dash_without_a_change(promoted: RunReport, failed_early: RunReport) -> None:
    compared = side_by_side(promoted, failed_early)
    assert measure(compared, "verdict") == Row("verdict", Verdict.PROMOTED, Verdict.FAILED)
    assert measure(compared, "rows") == Row("rows", "6,000", NO_VALUE)
    assert measure(compared, "explained variance").change == ""
    assert [row.second for row in compared.components] == [NO_VALUE] * 3
    assert {(row.first, row.second) for row in compared.columns} == {("there", NO_VALUE)}
    assert compared.angle_degrees is None


def test_models_of_scaled_and_unscaled_features_are_compared_in_the_later_ones_units(promoted: RunReport) -> None:
    assert promoted.model is not None
    served, scale = promoted.model.served, (1.0, 10.0, 100.0, 1000.0)
    folded = tuple(
        tuple((weight or 0.0) / spread for weight in row) for row, spread in zip(served.components, scale, strict=True)
    )
    scaled = promoted.model.model_copy(
        update={
            "served": served.model_copy(update={"components": folded}),
            "as_trained": served,
            "scale": scale,
        }
    )
    unscaled = promoted.model.model_copy(update={"served": scaled.served})
    reports = [promoted.model_copy(update={"model": model}) for model in (unscaled, scaled)]
    angle = side_by_side(*reports).angle_degrees
    assert angle is not None
    assert angle < 1e-3


def test_a_model_with_a_number_that_is_none_has_no_angle(promoted: RunReport) -> None:
    assert promoted.model is not None
    first, *others = promoted.model.served.components
    broken = promoted.model.served.model_copy(update={"components": ((None, *first[1:]), *others)})
    refused = promoted.model_copy(update={"model": promoted.model.model_copy(update={"served": broken})})
    assert side_by_side(promoted, refused).angle_degrees is None


def test_columns_that_moved_most_come_first_and_only_so_many(promoted: RunReport) -> None:
    assert promoted.data is not None
    column = promoted.data.columns[0].model_copy(update={"mean": 0.0, "std": 2.0})
    before = [column.model_copy(update={"name": f"c{place}"}) for place in range(20)]
    after = [item.model_copy(update={"mean": float(place)}) for place, item in enumerate(before)]
    rows = side_by_side(*(with_columns(promoted, columns) for columns in (before, after))).columns
    assert [row.name for row in rows] == [f"c{place}" for place in range(19, 19 - MAX_COLUMNS, -1)]
    assert (rows[0].first, rows[0].second, rows[0].change) == ("0 ± 2", "19 ± 2", "9.5 std")


def test_columns_that_only_one_run_has_are_named_as_far_as_there_is_room(promoted: RunReport) -> None:
    assert promoted.data is not None
    column = promoted.data.columns[0]
    many = tuple(column.model_copy(update={"name": f"c{place}"}) for place in range(1000))
    other = promoted.model_copy(update={"data": promoted.data.model_copy(update={"columns": (column, *many)})})
    rows = side_by_side(
        promoted.model_copy(update={"data": promoted.data.model_copy(update={"columns": (column,)})}), other
    ).columns
    assert [row.name for row in rows] == [column.name, *(f"c{place}" for place in range(MAX_COLUMNS)), "and 988 more"]
    assert (rows[1].first, rows[1].second) == (NO_VALUE, "there")


def test_a_constant_column_that_moved_comes_first_and_one_without_a_mean_last(promoted: RunReport) -> None:
    moments = {"constant": (1.0, 0.0), "varies": (1.0, 2.0), "unknown": (None, None)}
    columns = [Column(name=name, mean=mean, std=std) for name, (mean, std) in moments.items()]
    shifted = [item.model_copy(update={"mean": item.mean and item.mean + 1}) for item in columns]
    rows = side_by_side(*(with_columns(promoted, found) for found in (columns, shifted))).columns
    assert [(row.name, row.change) for row in rows] == [
        ("constant", "was constant"),
        ("varies", "0.5 std"),
        ("unknown", ""),
    ]


def test_a_model_of_numbers_that_are_none_has_no_angle(promoted: RunReport) -> None:
    assert promoted.model is not None
    served = promoted.model.served
    broken = served.model_copy(update={"components": ((None,) * len(served.components[0]), *served.components[1:])})
    model = promoted.model.model_copy(update={"served": broken, "as_trained": None})
    assert side_by_side(promoted, promoted.model_copy(update={"model": model})).angle_degrees is None


def test_settings_that_differ_are_named_with_both_values(promoted: RunReport) -> None:
    setting = promoted.settings[0]
    other = promoted.model_copy(
        update={"settings": (setting.model_copy(update={"value": "s3://elsewhere/"}), *promoted.settings[1:])}
    )
    (row,) = side_by_side(promoted, other).settings
    assert (row.name, row.second) == (setting.name, "s3://elsewhere/")
