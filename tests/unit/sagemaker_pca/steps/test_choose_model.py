"""What a batch transform takes from the card of its model."""

from typing import Any

import pytest

from sagemaker_pca.exceptions import SettingError
from sagemaker_pca.model.card import AffineMap, Column, Data, Model, ModelCard
from sagemaker_pca.settings.pipeline import PcaRunConfig
from sagemaker_pca.settings.transform import TransformConfig
from sagemaker_pca.steps.choose_model import features_config, refuse_unjudged

ARTIFACT_URI = "s3://bucket/runs/x/training/model.tar.gz"


def card_with(**settings: Any) -> ModelCard:
    """The card of a model of two columns, with these settings beside those of its run."""
    trained_with = PcaRunConfig(
        feature_columns=("a", "b"), num_components=2, scaling="standardize", feature_format="recordio"
    )
    return ModelCard(
        settings=trained_with.model_dump(mode="json") | settings,
        data=Data(row_count=1, columns=(Column(name="a"), Column(name="b"))),
        model=Model(
            artifact_uri=ARTIFACT_URI,
            singular_values=(1.0,),
            explained_variance_ratio=(1.0,),
            served=AffineMap(mean=(0.0, 0.0), components=((1.0,), (0.0,))),
        ),
        passed=True,
        reason="",
        checks=(),
        comparison=None,
    )


def config_of(card: ModelCard, **transform: Any) -> PcaRunConfig:
    return features_config(card, TransformConfig(**transform), "bucket")


def test_raw_files_are_read_as_the_training_run_read_its_own_and_features_stay_in_raw_units() -> None:
    card = card_with(delimiter=";", decimal=",", newlines_in_cells=True, on_bad_rows="skip", processing_volume_gb=500)
    config = config_of(card, input_uri="s3://other/new/", owner="me")
    assert config.feature_columns == ("a", "b")
    assert (config.delimiter, config.decimal, config.newlines_in_cells, config.on_bad_rows) == (";", ",", True, "skip")
    assert (config.scaling, config.feature_format, config.processing_volume_gb) == ("none", "csv", 500)
    assert (config.raw_data_uri, config.owner) == ("s3://other/new/", "me")


@pytest.mark.parametrize("rule", ["mean", "zero", "drop", "fail"])
def test_gaps_are_treated_as_in_training(rule: str) -> None:
    assert config_of(card_with(missing_values=rule)).missing_values == rule


def test_settings_that_went_or_changed_since_do_not_matter_where_a_transform_has_no_use_for_them() -> None:
    assert config_of(card_with(went_since=1, min_rows="no longer a number")).feature_columns == ("a", "b")


def test_a_setting_that_came_since_has_its_default() -> None:
    card = card_with()
    earlier = {name: value for name, value in card.settings.items() if name != "newlines_in_cells"}
    assert config_of(card.model_copy(update={"settings": earlier})).newlines_in_cells is False


def test_a_needed_setting_that_is_no_longer_allowed_is_refused_naming_the_card() -> None:
    with pytest.raises(SettingError, match=rf"^delimiter='#' \(model card of {ARTIFACT_URI}\): Input should be ',', "):
        config_of(card_with(delimiter="#"))


def test_what_cannot_exceed_a_limit_is_not_watched_by_it() -> None:
    card = card_with()
    refuse_unjudged(card, TransformConfig(output="scored-csv"))
    with pytest.raises(SettingError, match=r"max_exceedance=0\.05 .* has none: .* or leave max_exceedance unset"):
        refuse_unjudged(card, TransformConfig(output="scored-csv", max_exceedance=0.05))
