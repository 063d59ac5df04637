"""The pages as Airflow's API server serves them, on a database of their own, for users with rights on single DAGs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from airflow import settings
from airflow.api_fastapi.app import create_auth_manager, purge_cached_app
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.api_fastapi.core_api.security import get_user
from airflow.models import import_all_models
from airflow.models.base import Base
from airflow.models.dagbundle import DagBundleModel
from airflow.models.serialized_dag import SerializedDagModel
from airflow.serialization.definitions.dag import SerializedDAG
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from airflow.utils.db import synchronize_log_template
from airflow.utils.session import create_session
from fastapi.testclient import TestClient

from sagemaker_pca.pages.app import pages_app
from tests.e2e.sagemaker_local.embedded_aws import EmbeddedAws
from tests.e2e.sagemaker_pca.endpoints.embedded_inventory import EmbeddedInventory

SignIn = Callable[..., TestClient]


class RightsOnDags(SimpleAuthManager):
    """Lets users do with a DAG's runs what their role, such as `GET ecg, POST ecg`, names."""

    def is_authorized_dag(self, *, method: str, user: Any, access_entity: Any = None, details: Any = None) -> bool:
        return details is not None and f"{method} {details.id}" in (user.role or "").split(", ")


def add_dag(dag: Any) -> None:
    """Put a DAG into Airflow's database as its DAG processor does."""
    with create_session() as session:
        if session.get(DagBundleModel, "bundle") is None:
            session.add(DagBundleModel(name="bundle"))
        session.flush()
        SerializedDAG.bulk_write_to_db("bundle", None, [dag], session=session)
        SerializedDagModel.write_dag(LazyDeserializedDAG.from_dag(dag), bundle_name="bundle", session=session)


@pytest.fixture(scope="module")
def airflow_database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        path = tmp_path_factory.mktemp("database") / "airflow.db"
        patch.setenv("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", f"sqlite:///{path}")
        patch.setenv("AIRFLOW__CORE__AUTH_MANAGER", f"{__name__}.{RightsOnDags.__name__}")
        patch.setattr("airflow.api_fastapi.app.get_auth_manager_cls", lambda: RightsOnDags)
        settings.configure_vars()
        settings.configure_orm()
        import_all_models()
        Base.metadata.create_all(settings.engine)
        synchronize_log_template()
        create_auth_manager()
        yield
        settings.dispose_orm()
        purge_cached_app()
    settings.configure_vars()
    settings.configure_orm()


@pytest.fixture
def anonymous(airflow_database: None) -> Iterator[TestClient]:
    """Whoever has not signed in."""
    yield TestClient(pages_app(), raise_server_exceptions=False)
    pages_app().dependency_overrides.clear()


@pytest.fixture
def sign_in(anonymous: TestClient) -> SignIn:
    """Makes the reader somebody with these rights: `sign_in("GET ecg", "POST ecg")`."""

    def signed_in(*rights: str) -> TestClient:
        user = SimpleAuthManagerUser(username="somebody", role=", ".join(rights))
        pages_app().dependency_overrides[get_user] = lambda: user
        return anonymous

    return signed_in


@pytest.fixture
def inventory(aws: EmbeddedAws) -> Iterator[EmbeddedInventory]:
    """Endpoints that Airflow's connection leads to."""
    inventory = EmbeddedInventory(aws.url)
    yield inventory
    inventory.remove_everything()
