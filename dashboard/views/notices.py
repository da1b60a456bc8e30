"""What the page has to say above everything else: once, in plain sentences."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard.session import Session


def notices(held: Session) -> None:
    """The notes, until the next change clears them.  Their container always stands: what follows keeps its place and is not remounted."""
    with st.container(key="notices"):
        for note in held.notes:
            st.html(f"<p class='note' role='status'>{escape(note)}</p>")
