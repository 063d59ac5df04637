"""The one lock over everything moto keeps: its backends have none, and the server answers many clients at once."""

import threading

STATE_LOCK = threading.RLock()
