"""Counts with their nouns, as people write them. Pure."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """One day, two days."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
