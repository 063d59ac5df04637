"""Triggers: the deferred halves of the sensors."""
