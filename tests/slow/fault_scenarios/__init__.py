"""What can go wrong while the pipeline runs, and what must come of it: one function a scenario, all collected here."""

from __future__ import annotations

import importlib
import pkgutil

import pytest

MODULES = [module.name for module in pkgutil.iter_modules(__path__, f"{__name__}.")]

# They are no test modules by name, and a bare AssertionError says nothing.
pytest.register_assert_rewrite(*MODULES)
for name in MODULES:
    importlib.import_module(name)
