"""The script of every page: its frame, and the page that the address names."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import streamlit as st

from dashboard import session
from dashboard.starts import FIRST, STARTS
from dashboard.views import explore, proof, recording
from dashboard.views.lab import frame
from dashboard.views.lab.pages import LAB

ASSETS = Path(__file__).resolve().parent.parent / "assets"

say = session.texts()
st.set_page_config(
    page_title=say("page.title"),
    page_icon=str(ASSETS / "pictures" / "favicon.svg"),
    layout="wide",
    initial_sidebar_state=360,
    menu_items={"About": say("page.about")},
)
st.logo(str(ASSETS / "pictures" / "logo.svg"), size="large", icon_image=str(ASSETS / "pictures" / "favicon.svg"))
st.html(ASSETS / "styles" / "app.css")
pages = [st.Page(partial(explore.page, name), title=say(f"pages.{name}"), url_path=name, default=name == FIRST) for name in STARTS]
pages += [
    st.Page(partial(frame.page, name, contents, proof.badge), title=say(f"pages.{name}"), url_path=name) for name, contents in LAB.items()
]
pages += [st.Page(recording.page, title=say("pages.recording"), url_path=recording.NAME)]
st.navigation(pages, position="top").run()
