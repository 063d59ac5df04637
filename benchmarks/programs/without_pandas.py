"""Runs a script in a Python that finds no pandas: `python without_pandas.py SCRIPT [ARGUMENT ...]`.

pyarrow imports pandas on some of its ways where it is installed: a second and 60 MB, for nothing that is measured here.
"""

import runpy
import sys


class NoPandas:
    """An import finder that knows only that there is no pandas."""

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse pandas and leave any other module to the next finder."""
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, NoPandas())
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
