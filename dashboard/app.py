"""The server: `streamlit run dashboard/app.py` serves the pages and the live socket on one port."""

import streamlit as st

from dashboard.live.route import ROUTES, lifespan

app = st.App("main.py", routes=ROUTES, lifespan=lifespan)
