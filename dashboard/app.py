"""The server: `streamlit run dashboard/app.py` serves the pages, the component's files and the live socket on one port."""

from pathlib import Path

import streamlit as st
from starlette.middleware import Middleware

from dashboard.component import assets
from dashboard.component.ahead import Ahead
from dashboard.kept import Kept
from dashboard.live import route
from dashboard.live.visitors import Visitors
from dashboard.views import mishap
from dashboard.views.lab.pages import LAB

app = st.App(
    "main.py",
    routes=[*route.ROUTES, *assets.ROUTES],
    middleware=[Middleware(Kept, files=Path(st.__file__).parent / "static"), Middleware(Visitors), Middleware(Ahead, figures=LAB)],
    lifespan=route.lifespan,
    on_script_error=mishap.show,
)
