from typing import Any

import pytest
from botocore.model import DenormalizedStructureBuilder
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_pca.hooks.service_shapes import document_problems, service_model, shape_problems

SIZE = {"Type": "CAPACITY_PERCENT", "Value": 50}
ROLLING = {"RollingUpdatePolicy": {"MaximumBatchSize": SIZE, "WaitIntervalInSeconds": 0}}


def rolling(**changes: Any) -> dict[str, Any]:
    return {"RollingUpdatePolicy": ROLLING["RollingUpdatePolicy"] | changes}


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ("all at once", "c='all at once' is not an object."),
        ({"Rolling": {}}, "c.Rolling is no member. Allowed: BlueGreenUpdatePolicy, RollingUpdatePolicy, "),
        (
            {"RollingUpdatePolicy": {"MaximumBatchSize": SIZE}},
            "c.RollingUpdatePolicy.WaitIntervalInSeconds is missing.",
        ),
        (
            rolling(WaitIntervalInSeconds="60"),
            "c.RollingUpdatePolicy.WaitIntervalInSeconds='60' is not a whole number.",
        ),
        (rolling(WaitIntervalInSeconds=True), "WaitIntervalInSeconds=True is not a whole number."),
        (rolling(WaitIntervalInSeconds=0.5), "WaitIntervalInSeconds=0.5 is not a whole number."),
        (rolling(WaitIntervalInSeconds=None), "WaitIntervalInSeconds=None is not a whole number."),
        (rolling(WaitIntervalInSeconds=3601), "WaitIntervalInSeconds=3601 is not at least 0 and at most 3600."),
        (rolling(MaximumBatchSize=SIZE | {"Value": 0}), "MaximumBatchSize.Value=0 is not at least 1."),
        (
            rolling(MaximumBatchSize=SIZE | {"Type": "PERCENT"}),
            "MaximumBatchSize.Type='PERCENT' is none of INSTANCE_COUNT, CAPACITY_PERCENT.",
        ),
        (
            {"AutoRollbackConfiguration": {"Alarms": []}},
            "The length of c.AutoRollbackConfiguration.Alarms, 0, is not at",
        ),
        ({"AutoRollbackConfiguration": {"Alarms": {}}}, "c.AutoRollbackConfiguration.Alarms={} is not a list."),
        ({"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": " "}]}}, "Alarms[0].AlarmName=' ' does not match "),
    ],
)
def test_a_problem_names_the_place_the_value_and_what_is_allowed(document: Any, problem: str) -> None:
    (found,) = document_problems("DeploymentConfig", document, "c")
    assert problem in found


def test_the_nearest_member_is_named() -> None:
    (found,) = document_problems("DeploymentConfig", {"RolingUpdatePolicy": {}}, "c")
    assert found.endswith("Did you mean RollingUpdatePolicy?")


def test_keys_and_values_of_maps_are_checked() -> None:
    shape = DenormalizedStructureBuilder().with_members(
        {"M": {"type": "map", "key": {"type": "string"}, "value": {"type": "integer"}}}
    )
    model = shape.build_model()
    assert list(shape_problems(model, {"M": {"a": "b"}}, "c")) == ["c.M.a='b' is not a whole number."]


def test_a_pattern_that_python_does_not_know_is_left_to_the_service() -> None:
    shape = service_model().shape_for("AlarmName")
    shape.metadata["pattern"] = r"\p{Foo}"
    assert list(shape_problems(shape, "a", "c")) == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10_000) | st.text(max_size=3) | st.sampled_from(["CANARY", "LINEAR"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("BlueGreenUpdatePolicy", "TrafficRoutingConfiguration", "Type", "WaitIntervalInSeconds"),
                    *("RollingUpdatePolicy", "MaximumBatchSize", "Value", "AutoRollbackConfiguration", "Alarms", "X"),
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(JSON)
def test_what_botocore_refuses_is_refused(document: Any) -> None:
    if ParamValidator().validate(document, service_model().shape_for("DeploymentConfig")).has_errors():
        assert document_problems("DeploymentConfig", document, "c")
