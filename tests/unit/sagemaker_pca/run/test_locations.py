import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagemaker_pca.run.attempts import attempt_names
from sagemaker_pca.run.locations import NAME_LIMIT, RunFiles, profile_job_name, run_name, split_s3_uri
from sagemaker_pca.settings.patterns import RESOURCE_NAME

# What Airflow allows in ids: word characters of any script, dashes and dots; in run ids also `~:+`.
DAG_IDS = st.text(st.sampled_from(string.ascii_letters + string.digits + "_.-äñ日本"), min_size=1, max_size=250)
RUN_IDS = st.text(st.sampled_from(string.ascii_letters + string.digits + "_.~:+-"), min_size=1, max_size=250)
RUNS = st.tuples(st.sampled_from(["dev", "prod"]), DAG_IDS, RUN_IDS, st.integers(-1, 1000))
OF_NO_RUN = {
    "default_raw_data_uri",
    "endpoints_uri",
    "history_uri",
    "lease_uri",
    "promoted_uri",
    "run_prefix",
    "stopped_uri",
}
Run = tuple[str, str, str, int]
PATHS = [name for name, member in vars(RunFiles).items() if isinstance(member, property) and name not in OF_NO_RUN]


@given(RUNS)
def test_every_attempt_has_a_name_that_sagemaker_takes(run: Run) -> None:
    for _, name in attempt_names(run_name(*run)):
        assert re.fullmatch(RESOURCE_NAME, name)
        assert len(name) <= NAME_LIMIT


@given(RUNS)
def test_every_attempt_of_a_profile_has_a_name_that_sagemaker_takes(run: Run) -> None:
    for _, name in attempt_names(profile_job_name(run_name(*run))):
        assert re.fullmatch(RESOURCE_NAME, name)
        assert len(name) <= NAME_LIMIT


@given(RUNS, RUNS)
def test_two_runs_never_share_a_name(one: Run, other: Run) -> None:
    for name in (run_name, lambda *run: profile_job_name(run_name(*run))):
        assert (name(*one) == name(*other)) == (one == other)


@given(RUNS, RUNS)
def test_no_attempt_of_a_profile_has_the_name_of_a_processing_job(one: Run, other: Run) -> None:
    profiles = {name for _, name in attempt_names(profile_job_name(run_name(*one)))}
    assert not profiles & {name for _, name in attempt_names(run_name(*other))}


@pytest.mark.parametrize(
    ("run_id", "name"),
    [
        ("r1", "pca-pipeline-r1-a8e7b5b9d0-profile"),
        ("manual__2024-01-02T03:04:05.678901+00:00", "pca-pipeline-manual-2024-01-02T03-04-05-253729c8e5-profile"),
    ],
)
def test_a_profile_has_the_name_of_its_run_as_far_as_there_is_room(run_id: str, name: str) -> None:
    assert profile_job_name(run_name("dev", "pca_pipeline", run_id)) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("manual__2024-01-01T00:00:00+00:00", "manual__2024-01-01T00-00-00-00-00"),
        ("a.b", "a_b"),
        ("x" * 250, "x" * 249),
        ("x" * 240 + "1", "x" * 240 + "2"),
        ("Run", "run"),
    ],
)
def test_run_ids_that_read_the_same_get_different_names(one: str, other: str) -> None:
    assert run_name("dev", "pca_pipeline", one).lower() != run_name("dev", "pca_pipeline", other).lower()


def test_attempts_of_one_run_are_no_names_of_another() -> None:
    first = {name for _, name in attempt_names(run_name("dev", "d", "r"))}
    assert not first & {name for _, name in attempt_names(run_name("dev", "d", "r-2"))}


def test_the_name_can_be_read() -> None:
    name = run_name("dev", "pca_pipeline", "manual__2024-01-02T03:04:05+00:00")
    assert name.startswith("pca-pipeline-manual-2024-01-02T03-04-05-00-00-")


def test_the_name_is_the_same_in_every_process() -> None:
    assert run_name("dev", "pca_pipeline", "r1") == "pca-pipeline-r1-a8e7b5b9d0"


def test_mapped_instances_of_a_run_have_names_of_their_own() -> None:
    assert len({run_name("dev", "d", "r", index) for index in range(-1, 20)}) == 21


@given(RUNS, RUNS)
def test_no_run_writes_below_the_prefix_of_another(one: Run, other: Run) -> None:
    first, second = (RunFiles("bucket", run_name(*run), "endpoint").run_prefix for run in (one, other))
    assert one == other or not (first.startswith(second) or second.startswith(first))


@pytest.mark.parametrize("path", PATHS)
def test_everything_a_run_writes_lies_below_its_prefix(path: str) -> None:
    files = RunFiles("bucket", "run-1", "endpoint")
    assert getattr(files, path).startswith("s3://bucket/runs/run-1/")


def test_no_two_files_of_a_run_share_a_location() -> None:
    files = RunFiles("bucket", "run-1", "endpoint")
    locations = [getattr(files, path) for path in PATHS]
    locations += [files.features_uri("run-1"), files.features_uri("run-1-2"), files.stats_uri("run-1")]
    locations.append(files.stats_uri(profile_job_name("run-1")))
    assert len(set(locations)) == len(locations)


def test_runs_that_deploy_to_one_endpoint_meet_at_one_lease() -> None:
    one, other = RunFiles("bucket", "run-1", "endpoint"), RunFiles("bucket", "run-2", "endpoint")
    assert one.lease_uri == other.lease_uri
    assert one.lease_uri != RunFiles("bucket", "run-1", "endpoint-2").lease_uri


@pytest.mark.parametrize(
    ("uri", "parts"), [("s3://b/a/c.csv", ("b", "a/c.csv")), ("s3://b/", ("b", "")), ("s3://b", ("b", ""))]
)
def test_s3_uris_split_into_bucket_and_key(uri: str, parts: tuple[str, str]) -> None:
    assert split_s3_uri(uri) == parts
