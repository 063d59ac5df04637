"""What a card keeps of a run, and how one of another release is read."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.artifact import PcaModel
from sagemaker_pca.model.card import NAMED_BAD_ROWS, AffineMap, Column, DataFile, ModelCard
from sagemaker_pca.model.evaluation import evaluate
from sagemaker_pca.model.moments import Moments
from sagemaker_pca.settings.pipeline import PcaRunConfig

Rows = NDArray[np.float64]
MakeCard = Callable[[Moments], ModelCard]
ROWS: Rows = np.random.default_rng(1).normal(size=(300, 4)) * [4, 2, 1, 0.5]
SETTINGS = PcaRunConfig()


@pytest.fixture
def moments(make_moments: Callable[[Rows], Moments]) -> Moments:
    return make_moments(ROWS)


@pytest.fixture
def make_card(train: Callable[[Rows, int], PcaModel]) -> MakeCard:
    def make_card(moments: Moments) -> ModelCard:
        model = train(ROWS, 3)
        return ModelCard.of(
            settings=SETTINGS.model_dump(mode="json"),
            trained=model,
            served=model,
            artifact_uri="s3://bucket/runs/x/training/model.tar.gz",
            moments=moments,
            data_files=(DataFile(name="a.csv", rows=300),),
            evaluation=evaluate(model, moments, SETTINGS, served=model, served_columns=moments.feature_columns),
        )

    return make_card


def test_a_card_read_back_is_the_card_that_was_written(make_card: MakeCard, moments: Moments) -> None:
    card = make_card(moments)
    assert ModelCard.read(card.model_dump_json(), "the card") == card
    assert card.feature_columns == ("Ch5", "Ch6", "Ch7", "Ch8")
    assert card.settings["feature_columns"] == ["Ch5", "Ch6", "Ch7", "Ch8"]


def test_a_card_with_settings_and_members_of_another_release_is_read(make_card: MakeCard, moments: Moments) -> None:
    card = make_card(moments)
    document = json.loads(card.model_dump_json())
    document["settings"] |= {"renamed_since": 7, "decimal": "no longer allowed"}
    document["fill_values"] = [0.0]
    document["data"]["later"] = document["checks"][0]["later"] = document["comparison"]["later"] = True
    read = ModelCard.read(json.dumps(document), "the card")
    assert read.settings["renamed_since"] == 7
    assert read.model_copy(update={"settings": card.settings}) == card


def test_a_card_of_a_release_without_spectrum_and_warnings_is_read(make_card: MakeCard, moments: Moments) -> None:
    document = json.loads(make_card(moments).model_dump_json())
    assert len(document["model"].pop("spectrum")) == 4
    del document["warnings"]
    read = ModelCard.read(json.dumps(document), "the card")
    assert (read.model.spectrum, read.warnings) == (None, ())


def test_a_card_of_a_later_version_says_who_reads_it() -> None:
    with pytest.raises(InputError, match=r"the card .* schema_version=2 .* Read it with the release that wrote it\.$"):
        ModelCard.read('{"schema_version": 2}', "the card")


def test_numbers_that_json_cannot_hold_are_none() -> None:
    column = Column(name="a", mean=math.nan, std=float(np.float64(np.inf)), maximum=1.5)
    projector = AffineMap.model_validate({"mean": np.array([1.0, np.nan]), "components": np.array([[np.inf], [2.0]])})
    assert column == Column(name="a", maximum=1.5)
    assert projector == AffineMap(mean=(1.0, None), components=((None,), (2.0,)))


def test_many_bad_rows_are_counted_and_the_first_ones_named(make_card: MakeCard, moments: Moments) -> None:
    bad_rows = tuple({"file": "a.csv", "line": line, "reason": "no number"} for line in range(2, 50))
    data = make_card(replace(moments, skipped_rows=48, bad_rows=bad_rows)).data
    assert (data.skipped_rows, [row.line for row in data.bad_rows]) == (48, list(range(2, 2 + NAMED_BAD_ROWS)))


def test_the_trained_directions_are_kept_where_features_were_standardized(
    make_card: MakeCard, moments: Moments
) -> None:
    assert make_card(moments).model.as_trained is None
    scaled = replace(moments, center=moments.mean, scale=moments.standard_deviations, scaling="standardize")
    assert make_card(scaled).model.as_trained is not None
