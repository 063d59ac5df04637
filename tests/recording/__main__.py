"""`python -m tests.recording`: the embedded service, recording."""

import sys
from typing import Any

from sagemaker_local.__main__ import main


def _recorded(application: Any) -> Any:
    from tests.recording.recorder import Recorder  # loads NumPy, whose threads `main` has limited by then

    return Recorder(application)


if __name__ == "__main__":
    sys.exit(main(_recorded))
