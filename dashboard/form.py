"""What the parts of the form share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape

import streamlit as st
from streamlit.elements.lib.mutable_expander_container import ExpanderContainer

from dashboard import session

Change = Callable[[Mapping[str, str]], None]
"""Takes what was typed into fields."""


def folded(label: str, key: str, *, unfold: bool = False, icon: str | None = None) -> ExpanderContainer:
    """A place that opens at a click; what stands there is to be drawn only where it is `open`.

    Everything that a page draws is sent and built again at each of its runs: what nobody sees had half of the time that this takes.
    unfold: it is open, whatever was clicked.
    """
    if unfold:
        session.set_widget(key, value=True)
    return st.expander(label, key=key, icon=icon, on_change="rerun")


def line(sentence: str | None, tone: str, role: str = "") -> None:
    """A sentence, literally.   Without one its place is kept: what stands below would be seen twice for a moment as it moved."""
    place, told = st.container(), f" role='{role}'" if role else ""
    if sentence:
        place.html(f"<p class='{tone}'{told}>{escape(sentence)}</p>")


def problem_line(sentence: str | None) -> None:
    """The sentence of a field at fault."""
    line(sentence, "problem", "alert")
