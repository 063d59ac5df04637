"""Sensors: wait for jobs and endpoints, deferred by default."""
