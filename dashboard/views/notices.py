"""What the page has to say above everything else: once, in plain sentences."""

from __future__ import annotations

from html import escape

import streamlit as st

from dashboard.session import Session
from dashboard.texts import Texts


def notices(held: Session, say: Texts) -> None:
    """The notes, until the next change clears them, below a heading for screen readers.

    Their container always stands: what follows keeps its place and is not remounted.
    """
    with st.container(key="notices"):
        st.html(f"<h1 class='unseen'>{escape(say('explore.heading'))}</h1>")
        for note in held.notes:
            st.html(f"<p class='note' role='status'>{escape(note)}</p>")
