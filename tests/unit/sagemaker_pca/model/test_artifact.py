import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from sagemaker_pca.exceptions import InputError
from sagemaker_pca.model.artifact import FloatArray, PcaModel
from sagemaker_pca.model.ndarray_file import write_ndarrays

DATA = Path(__file__).parents[3] / "data"


def archive_of(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for member, content in members:
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(buffer.getvalue())


def artifact_of(content: bytes, name: str = "model_algo-1") -> bytes:
    return archive_of((tarfile.TarInfo(name), content))


def folder(name: str = ".") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type = tarfile.DIRTYPE
    return member, b""


def link(name: str = "model_algo-1") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, "/etc/passwd"
    return member, b""


def sparse(claimed_size: int) -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo("model_algo-1")
    member.pax_headers = {"GNU.sparse.major": "0", "GNU.sparse.size": str(claimed_size), "GNU.sparse.map": "0,1"}
    return member, b"x"


def model(d: int = 4, k: int = 2, seed: int = 0) -> PcaModel:
    rng = np.random.default_rng(seed)
    components = np.linalg.qr(rng.normal(size=(d, k)))[0]
    return PcaModel(mean=rng.normal(size=d), singular_values=np.arange(1.0, k + 1), components=components)


@pytest.fixture
def golden() -> bytes:
    return (DATA / "golden_model_algo-1").read_bytes()


def test_reads_the_artifact_that_the_algorithm_stores(golden: bytes) -> None:
    rows = np.loadtxt(DATA / "golden_model_input.csv", delimiter=",")
    centred = rows - rows.mean(axis=0)

    stored = PcaModel.from_artifact(artifact_of(golden))

    np.testing.assert_allclose(stored.mean, rows.mean(axis=0), rtol=1e-6)
    expected = np.linalg.eigh(centred.T @ centred)
    np.testing.assert_allclose(stored.singular_values, np.sqrt(expected.eigenvalues[-3:]), rtol=1e-6)
    np.testing.assert_allclose(stored.project(rows), centred @ expected.eigenvectors[:, -3:], atol=1e-5)


def test_explained_variance_of_the_golden_model_is_that_of_its_data(golden: bytes) -> None:
    rows = np.loadtxt(DATA / "golden_model_input.csv", delimiter=",")
    total = float(((rows - rows.mean(axis=0)) ** 2).sum())

    ratio = PcaModel.from_artifact(artifact_of(golden)).explained_variance_ratio(total)

    projections = PcaModel.from_artifact(artifact_of(golden)).project(rows)
    np.testing.assert_allclose(ratio, projections.var(axis=0) * len(rows) / total, rtol=1e-5)


@pytest.mark.parametrize("total", [0.0, float("nan")])
def test_explained_variance_of_data_without_variance_is_not_a_number(total: float) -> None:
    assert np.isnan(model().explained_variance_ratio(total)).all()


def test_an_artifact_survives_a_round_trip_byte_for_byte(golden: bytes) -> None:
    stored = PcaModel.from_artifact(artifact_of(golden))

    artifact = stored.to_artifact()

    assert artifact == PcaModel.from_artifact(artifact).to_artifact()
    with tarfile.open(fileobj=io.BytesIO(artifact)) as tar:
        assert [(member.name, member.mtime, member.uid) for member in tar] == [("model_algo-1", 0, 0)]
        file = tar.extractfile("model_algo-1")
        assert file is not None
        assert file.read() == golden


def test_as_stored_is_what_reading_the_artifact_gives(golden: bytes) -> None:
    trained = PcaModel.from_artifact(artifact_of(golden))
    model = trained.with_scaling_folded_in(np.full_like(trained.mean, 0.1), np.full_like(trained.mean, 0.3))
    stored, read = model.as_stored(), PcaModel.from_artifact(model.to_artifact())
    np.testing.assert_array_equal(stored.mean, read.mean)
    np.testing.assert_array_equal(stored.singular_values, read.singular_values)
    np.testing.assert_array_equal(stored.components, read.components)
    assert (stored.components != model.components).any()


def test_a_model_without_mean_subtracts_nothing() -> None:
    content = write_ndarrays({"s": np.ones(1, np.float32), "v": np.eye(3, dtype=np.float32)[:, :1]})

    stored = PcaModel.from_artifact(artifact_of(content))

    np.testing.assert_array_equal(stored.project(np.array([[5.0, 6.0, 7.0]])), [[5.0]])


def test_a_folder_entry_and_a_leading_dot_are_no_obstacle(golden: bytes) -> None:
    artifact = archive_of(folder(), (tarfile.TarInfo("./model_algo-1"), golden))

    assert PcaModel.from_artifact(artifact).components.shape == (5, 3)


def test_numbers_that_are_not_finite_are_kept_for_the_gate_to_judge() -> None:
    content = write_ndarrays({"s": np.array([np.nan, 1]), "v": np.eye(2), "mean": np.array([[np.inf, 0]])})

    stored = PcaModel.from_artifact(artifact_of(content))

    assert np.isnan(stored.singular_values[0])
    assert np.isinf(stored.mean[0])


@pytest.mark.parametrize(
    ("artifact", "message"),
    [
        pytest.param(b"", "truncated", id="empty"),
        pytest.param(b"hello", "not gzip", id="text"),
        pytest.param(gzip.compress(b"hello"), "not a readable tar", id="no-tar"),
        pytest.param(model().to_artifact()[:-20], "truncated", id="truncated"),
        pytest.param(archive_of(), r"holds \[\]", id="no-member"),
        pytest.param(artifact_of(b"x", "other"), "expected the single file", id="other-name"),
        pytest.param(artifact_of(b"x", "../model_algo-1"), "expected the single file", id="traversal"),
        pytest.param(artifact_of(b"x", "/model_algo-1"), "expected the single file", id="absolute"),
        pytest.param(archive_of(link()), "a link", id="link"),
        pytest.param(archive_of(sparse(1 << 50)), "special file", id="sparse"),
        pytest.param(archive_of(folder("model_algo-1")), r"holds \[\]", id="folder"),
        pytest.param(
            archive_of((tarfile.TarInfo("model_algo-1"), b"x"), (tarfile.TarInfo("extra"), b"x")),
            "expected the single file",
            id="second-member",
        ),
        pytest.param(artifact_of(b"x"), "not readable", id="no-ndarrays"),
        pytest.param(artifact_of(write_ndarrays({"a": np.ones(2)})), r"lacks \['s', 'v'\]", id="other-arrays"),
    ],
)
def test_what_is_no_pca_artifact_is_refused_with_the_reason(artifact: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        PcaModel.from_artifact(artifact)


def test_an_archive_that_unpacks_to_far_more_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sagemaker_pca.model.artifact._MAX_UNPACKED_BYTES", 1 << 20)

    with pytest.raises(InputError, match="more than 1,048,576 bytes"):
        PcaModel.from_artifact(artifact_of(bytes(1 << 21)))


@pytest.mark.parametrize(
    ("mean", "singular_values", "components", "message"),
    [
        (np.zeros(3), np.ones(2), np.ones((4, 2)), "mean has shape"),
        (np.zeros(4), np.ones(3), np.ones((4, 2)), "One singular value|one singular value"),
        (np.zeros(4), np.ones(5), np.ones((4, 5)), "as many components as features"),
        (np.zeros(4), np.ones(0), np.ones((4, 0)), "as many components as features"),
        (np.zeros(4), np.array([2.0, 1.0]), np.ones((4, 2)), "do not ascend"),
    ],
)
def test_arrays_that_do_not_make_a_model_are_refused(
    mean: FloatArray, singular_values: FloatArray, components: FloatArray, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        PcaModel(mean, singular_values, components)


def test_noise_in_the_smallest_singular_values_is_no_disorder() -> None:
    disordered = np.array([1e-4, 5e-5, 1.0])

    assert PcaModel(np.zeros(3), disordered, np.eye(3)).singular_values is disordered


@pytest.mark.parametrize("rows", [np.ones((2, 3)), np.ones(4)])
def test_rows_of_another_shape_are_refused(rows: FloatArray) -> None:
    with pytest.raises(InputError, match=r"expected \(n, 4\)"):
        model().project(rows)


def test_folded_scaling_projects_raw_rows_as_the_trained_model_projects_scaled_ones() -> None:
    trained, rng = model(), np.random.default_rng(1)
    raw = rng.normal(size=(10, 4)) * 50 + 7
    mean, scale = raw.mean(axis=0), raw.std(axis=0)

    served = trained.with_scaling_folded_in(mean, scale)

    np.testing.assert_allclose(served.project(raw), trained.project((raw - mean) / scale))
    np.testing.assert_array_equal(served.singular_values, trained.singular_values)


@pytest.mark.parametrize(
    ("mean", "scale", "message"),
    [
        (np.zeros(3), np.ones(4), "mean has shape"),
        (np.zeros(4), np.ones(5), "scale has shape"),
        (np.zeros(4), np.array([1.0, 0.0, 1.0, 1.0]), "not positive"),
        (np.zeros(4), np.array([1.0, np.nan, 1.0, 1.0]), "not positive"),
    ],
)
def test_scaling_that_does_not_fit_is_refused(mean: FloatArray, scale: FloatArray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        model().with_scaling_folded_in(mean, scale)


def plane(angle_degrees: float) -> PcaModel:
    """The span of e1 and of e2 turned towards e3."""
    radians = np.radians(angle_degrees)
    return PcaModel(
        np.zeros(3),
        np.ones(2),
        np.array([[1.0, 0.0], [0.0, np.cos(radians)], [0.0, np.sin(radians)]]) @ [[0, 2], [5, 1]],
    )


@pytest.mark.parametrize("degrees", [0.0, 1e-6, 0.5, 45.0, 89.9, 90.0])
def test_the_largest_principal_angle_is_the_turn_between_two_spans(degrees: float) -> None:
    assert plane(0).largest_principal_angle(plane(degrees)) == pytest.approx(degrees, rel=1e-6, abs=1e-9)


def test_a_span_within_a_larger_one_has_no_angle_to_it() -> None:
    small, large = model(k=2), model(k=2)
    large = PcaModel(large.mean, np.ones(3), np.column_stack([large.components, np.ones(4)]))

    assert small.largest_principal_angle(large) == pytest.approx(0, abs=1e-9)
    assert large.largest_principal_angle(small) == pytest.approx(0, abs=1e-9)


def test_models_of_different_columns_have_no_angle() -> None:
    with pytest.raises(InputError, match="4 and 5 features"):
        model(4).largest_principal_angle(model(5))
