"""The server: `streamlit run dashboard/app.py` serves the pages, the component's files and the live socket on one port."""

import streamlit as st

from dashboard.component import assets
from dashboard.live import route
from dashboard.views import mishap

app = st.App("main.py", routes=[*route.ROUTES, *assets.ROUTES], lifespan=route.lifespan, on_script_error=mishap.show)
