"""What is shown when a page fails: one friendly sentence.  What happened is in the server's log."""

from __future__ import annotations

import logging
from html import escape

import streamlit as st

from dashboard import session

log = logging.getLogger(__name__)


def show(error: Exception) -> bool:
    """For `st.App(on_script_error=...)`; True: Streamlit shows nothing of its own."""
    log.error("A page failed.", exc_info=error)
    say = session.texts()
    st.html(f"<p class='note bad' role='alert'><b>{escape(say('mishap.title'))}</b> {escape(say('mishap.words'))}</p>")
    st.button(say("mishap.again"), key="try again", icon=":material/refresh:")
    return True
