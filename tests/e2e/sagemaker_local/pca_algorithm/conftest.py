"""The training containers of the unit tests, for processes."""

from tests.unit.sagemaker_local.pca_algorithm.conftest import container, new_container, rows

__all__ = ["container", "new_container", "rows"]
