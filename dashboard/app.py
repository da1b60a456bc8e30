"""The server: `streamlit run dashboard/app.py` serves the pages, the component's files and the live socket on one port."""

import streamlit as st

from dashboard.component.assets import ROUTE
from dashboard.live.route import ROUTES, lifespan
from dashboard.views import mishap

app = st.App("main.py", routes=[*ROUTES, ROUTE], lifespan=lifespan, on_script_error=mishap.show)
