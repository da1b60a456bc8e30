"""Numbers that are typed into the laboratory's fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import streamlit as st

from core.studies import Refused
from dashboard import session
from dashboard.form import problem_line
from dashboard.texts import Texts, literal

A = TypeVar("A")


def field(place: str, name: str, first: str, say: Texts, width: int = 130) -> str:
    """A field of the page `place`, and what stands in it; at first, `first`."""
    key = f"{place} {name}"
    if session.widget(key) is None:
        session.set_widget(key, first)
    told = say(f"lab.{place}.{name}_help")
    return st.text_input(say(f"lab.{place}.{name}"), key=key, help=literal(told), width=width).strip()


def number(label: str, text: str, say: Texts) -> float:
    """A number as people type it; Refused for anything else."""
    try:
        return float(text.replace(",", ""))
    except ValueError:
        raise Refused(say("lab.no_number", label=label, text=text)) from None


def whole(label: str, text: str, say: Texts) -> int:
    """A whole number as people type it; Refused for anything else."""
    value = number(label, text, say)
    if not value.is_integer():
        raise Refused(say("lab.no_whole", label=label, text=text))
    return int(value)


def numbers(label: str, text: str, say: Texts) -> tuple[float, ...]:
    """Numbers apart by commas or spaces; Refused for anything else."""
    return tuple(number(label, part, say) for part in text.replace(",", " ").replace(";", " ").split())


def asked(place: str, make: Callable[[], A]) -> A | None:
    """What the fields ask for.  Where they ask for what cannot be, it says so, and the last question that could be asked stands."""
    key = f"{place} asked"
    try:
        found = make()
    except Refused as refusal:
        problem_line(str(refusal))
        held: A | None = session.widget(key)
        return held
    session.set_widget(key, found)
    return found


def choice(place: str, name: str, values: Mapping[str, str], first: str, say: Texts) -> Any:
    """One of a few names, side by side; values: name -> label."""
    key = f"{place} {name}"
    if session.widget(key) not in values:
        session.set_widget(key, first)
    return st.segmented_control(
        say(f"lab.{place}.{name}"), list(values), format_func=lambda one: literal(values[one]), key=key, required=True
    )
