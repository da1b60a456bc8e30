"""What stands where the explorer will be, while the workers start or when the server cannot answer."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard.live import runs
from dashboard.live.runs import LiveError
from dashboard.texts import Texts

ASK_AGAIN = 1.0
"""Seconds after which the page looks again by itself."""


def show(sentence: str, say: Texts) -> None:
    """The sentence of the server, and the place of the panels that are to come; the page goes on by itself."""
    st.html(
        f"<div class='waiting' role='status'><h2>{escape(say('unavailable.title'))}</h2><p>{escape(sentence)}</p>"
        f"<p class='aside'>{escape(say('unavailable.again'))}</p></div>"
    )
    for height in (64, 220, 220):
        st.skeleton(height)
    _look_again()


@st.fragment(run_every=ASK_AGAIN)
def _look_again() -> None:
    try:
        if runs.ready():
            st.rerun()
    except LiveError:
        return
