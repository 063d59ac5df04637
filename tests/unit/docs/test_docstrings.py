from __future__ import annotations

from docs.docstrings import as_sphinx

DOCSTRING = """Does it.

See :class:`~sagemaker_pca.exceptions.SettingError`.

:param what: a thing
Raises:
    SettingError: on a setting that is none
        or is out of range.
    ValueError: else."""


def test_what_is_raised_becomes_fields_and_roles_become_names() -> None:
    assert as_sphinx(DOCSTRING).splitlines()[2:] == [
        "See `sagemaker_pca.exceptions.SettingError`.",
        "",
        ":param what: a thing",
        ":raises SettingError: on a setting that is none",
        "        or is out of range.",
        ":raises ValueError: else.",
    ]
