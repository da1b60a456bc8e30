"""The address bar of a page that has no history of settings."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode

import streamlit as st

from dashboard.component.assets import loader, prefix, version

_mount = st.components.v2.component("bptt_address", js=loader("address.js"))


def address_bar(path: str, query: Mapping[str, str], base_path: str = "") -> None:
    """Lets the address bar say `path` with this query, in place of what it says.

    `st.query_params` would make one more entry in the browser's history, to which its Back goes first; and what it writes is lost where the
    page's path is not there yet.

    path: of the page, below the base path.   base_path: `server.baseUrlPath`.
    """
    _mount(key="address", data={"base": prefix(base_path), "version": version(), "path": path, "query": urlencode(query)})
