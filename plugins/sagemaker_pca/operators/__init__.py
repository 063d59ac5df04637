"""Operators: start jobs, create resources, deploy and delete endpoints."""
