"""Endpoints of an account: what a deployment does with one, and what a deletion or sweep may take. Pure."""
