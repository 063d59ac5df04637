"""How a training container fails.

TrainingError
├── AlgorithmError   exit code 1: a defect of the algorithm
├── CustomerError    exit code 2: hyperparameters, channels or data to be corrected by the customer
└── PlatformError    exit code 3: what the platform puts into the container is missing
PeerError carries what another host of the job has reported.
"""


class TrainingError(Exception):
    """Ends training with an exit code and a text for `output/failure`, in the words of the first-party images."""

    prefix: str
    exit_code: int

    @property
    def failure_text(self) -> str:
        """The content of the failure file: prefix, message and the error beneath."""
        text = f"{self.prefix}: {self}"
        if self.__cause__ is not None:
            text += f" (caused by {type(self.__cause__).__name__})\n\nCaused by: {self.__cause__}"
        return text


class AlgorithmError(TrainingError):
    """A defect of the algorithm."""

    prefix, exit_code = "Algorithm Error", 1


class CustomerError(TrainingError):
    """Something the customer can correct."""

    prefix, exit_code = "Customer Error", 2


class PlatformError(TrainingError):
    """A file that the platform owes the container is missing or unreadable."""

    prefix, exit_code = "Platform Error", 3


class PeerError(TrainingError):
    """The failure of another host, repeated so that every host of a job reports the same reason."""

    def __init__(self, exit_code: int, failure_text: str) -> None:
        super().__init__(failure_text)
        self.exit_code = exit_code

    @property
    def failure_text(self) -> str:
        """The other host's failure text, unchanged."""
        return str(self)
