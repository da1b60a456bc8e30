"""What is typed and chosen on the laboratory's pages: fields that keep what stands in them while another page or tab is shown.

A field's first value travels with the field itself: what is put into it beside that may be lost when the page is drawn twice at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import streamlit as st

from core.experiment import number as written
from core.studies import Refused
from dashboard import session
from dashboard.address import GROUPED
from dashboard.form import problem_line
from dashboard.texts import Texts, literal

A = TypeVar("A")


def field(place: str, name: str, first: str, say: Texts, width: int = 130) -> str:
    """A field of the part `place` of a page, and what stands in it; at first, `first`."""
    told = literal(say(f"lab.{place}.{name}_help"))
    text = st.text_input(say(f"lab.{place}.{name}"), value=_kept(place, name, first), key=_key(place, name), help=told, width=width)
    return str(_keep(place, name, text)).strip()


def choice(place: str, name: str, values: Mapping[str, str], first: str, say: Texts) -> str:
    """One of a few names, side by side; values: name -> label."""
    label = say(f"lab.{place}.{name}")
    chosen = st.segmented_control(
        label,
        list(values),
        default=_kept(place, name, first),
        format_func=lambda one: literal(values[one]),
        key=_key(place, name),
        required=True,
    )
    return str(_keep(place, name, chosen))


def pick(place: str, name: str, values: Sequence[A], first: A, words: Callable[[A], str], say: Texts) -> A:
    """One of several values, which may be others than before."""
    kept = _kept(place, name, first)
    index, label = values.index(kept if kept in values else first), say(f"lab.{place}.{name}")
    return _keep(place, name, st.selectbox(label, values, index=index, format_func=words, key=_key(place, name), width=190))


def switch(place: str, name: str, say: Texts, *, first: bool) -> bool:
    """Yes or no."""
    return bool(_keep(place, name, st.toggle(say(f"lab.{place}.{name}"), value=_kept(place, name, first), key=_key(place, name))))


def put(place: str, name: str, value: Any) -> None:
    """Let another value stand in a field from the next time it is drawn on."""
    _keep(place, name, value)
    version = f"version {place} {name}"
    session.set_widget(version, session.widget(version, 0) + 1)


class Fields:
    """Numbers that are typed side by side.  One that is none is complained of at the end, by `check`: a field that is not drawn because the
    one before it was at fault would forget what stands in it."""

    def __init__(self, say: Texts) -> None:
        self._say, self._complaints = say, list[str]()

    def whole(self, key: str, first: int, label: str, help: str = "") -> int:
        """A whole number; what it was at first where it is none."""
        return self._read(lambda text: read_whole(label, text, self._say), first, key, written(first), label, help)

    def real(self, key: str, first: float, label: str, help: str = "") -> float:
        """A number."""
        return self._read(lambda text: read_number(label, text, self._say), first, key, written(first), label, help)

    def several(self, key: str, first: Sequence[int], label: str, help: str = "") -> tuple[int, ...]:
        """Whole numbers apart by commas or spaces."""
        begin = ", ".join(map(str, first))
        return self._read(lambda text: read_several(label, text, self._say), tuple(first), key, begin, label, help)

    def check(self) -> None:
        """Refused where something was typed that is no number."""
        if self._complaints:
            raise Refused(" ".join(self._complaints))

    def _read(self, read: Callable[[str], A], first: A, key: str, begin: str, label: str, help: str) -> A:
        text = st.text_input(label, value=session.widget(f"kept {key}", begin), key=key, help=literal(help) or None, width=190)
        session.set_widget(f"kept {key}", text)
        try:
            return read(text.strip())
        except Refused as refusal:
            self._complaints.append(str(refusal))
            return first


def read_number(label: str, text: str, say: Texts) -> float:
    """A number as people type it; Refused for anything else."""
    if not text:
        raise Refused(say("lab.empty", label=label))
    try:
        return float(text.replace(",", "") if GROUPED.fullmatch(text) else text)
    except ValueError:
        raise Refused(say("lab.no_number", label=label, text=text)) from None


def read_whole(label: str, text: str, say: Texts) -> int:
    """A whole number as people type it; Refused for anything else."""
    if not text:
        raise Refused(say("lab.empty", label=label))
    try:
        value = read_number(label, text, say)
    except Refused:
        value = math.nan
    if not value.is_integer():
        raise Refused(say("lab.no_whole", label=label, text=text))
    return int(value)


def read_several(label: str, text: str, say: Texts) -> tuple[int, ...]:
    """Whole numbers apart by commas or spaces; Refused for anything else."""
    try:
        return tuple(read_whole(label, part, say) for part in text.replace(",", " ").replace(";", " ").split())
    except Refused:
        raise Refused(say("lab.no_wholes", label=label, text=text)) from None


def numbers(label: str, text: str, say: Texts) -> tuple[float, ...]:
    """Numbers apart by commas or spaces; Refused for anything else."""
    return tuple(read_number(label, part, say) for part in text.replace(",", " ").replace(";", " ").split())


def asked(place: str, make: Callable[[], A]) -> A | None:
    """What the fields ask for.  Where they ask for what cannot be, it says so, and the last question that could be asked stands."""
    key, refused = f"asked {place}", ""
    try:
        session.set_widget(key, make())
    except Refused as refusal:
        refused = str(refusal)
    problem_line(refused)
    held: A | None = session.widget(key)
    return held


def _key(place: str, name: str) -> str:
    """Of the widget: another one for each value that was put into it."""
    version = session.widget(f"version {place} {name}", 0)
    return f"{place} {name} {version}" if version else f"{place} {name}"


def _kept(place: str, name: str, first: Any) -> Any:
    return session.widget(f"kept {place} {name}", first)


def _keep(place: str, name: str, value: A) -> A:
    session.set_widget(f"kept {place} {name}", value)
    return value
