"""One line of the quality gate, and how a metric is held against its limit. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the gate: a metric, its limit, and a sentence that says by how much it passed or failed."""

    name: str
    value: float | None
    limit: float
    passed: bool
    message: str


def at_least(name: str, value: float | None, limit_name: str, limit: float, remedy: str) -> Check:
    """A check of a metric that has to reach its limit; one that is not a number does not.

    :param remedy: what to do, a sentence
    """
    if value is None:
        return _unknown(name, limit_name, limit, remedy)
    shown, bound = f"{name}={shown_number(value)}", f"{limit_name}={shown_number(limit)}"
    if value >= limit:
        return Check(name, value, limit, True, f"{shown} reaches {bound}.")
    return Check(name, value, limit, False, f"{shown} is below {bound} by {shown_number(limit - value)}. {remedy}")


def at_most(name: str, value: float | None, limit_name: str, limit: float, remedy: str, where: str = "") -> Check:
    """A check of a metric that has to stay within its limit; one that is not a number does not.

    :param where: which column it is of, with a space before it
    """
    if value is None:
        return _unknown(name, limit_name, limit, remedy, where)
    shown, bound = f"{name}={shown_number(value)}{where}", f"{limit_name}={shown_number(limit)}"
    if value <= limit:
        return Check(name, value, limit, True, f"{shown} stays within {bound}.")
    return Check(name, value, limit, False, f"{shown} is above {bound} by {shown_number(value - limit)}. {remedy}")


def _unknown(name: str, limit_name: str, limit: float, remedy: str, where: str = "") -> Check:
    message = f"{name} is not a number{where} and cannot be held against {limit_name}={shown_number(limit)}. {remedy}"
    return Check(name, None, limit, False, message)


def shown_number(value: float) -> str:
    """A metric or a limit, in four digits."""
    if isinstance(value, int):
        return str(value)
    return f"{value:.4g}" if abs(value) >= 1e-4 else f"{value:.1g}"
