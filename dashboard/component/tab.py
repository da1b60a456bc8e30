"""What the browser's tab knows of a page of the laboratory, which has no explorer: its address, and the run that it studies."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast
from urllib.parse import urlencode

import streamlit as st

from dashboard.component import Wish
from dashboard.component.assets import loader, prefix, version

_mount = st.components.v2.component("bptt_tab", js=loader("tab.js"))


class Told(TypedDict):
    """What `tab` returns.

    reattach: as in `Explored`.   drawn: the first figure of the page stands; the value is the page's path.
    """

    reattach: Wish | None
    drawn: Wish | None


def tab(path: str, query: Mapping[str, str], run: str | None, base_path: str = "", *, watching: bool, awaits: bool = False) -> Told:
    """Lets the address bar say `path` with this query, in place of what it says; returns what the tab tells.

    `st.query_params` would make one more entry in the browser's history, to which its Back goes first; and what it writes is lost where the
    page's path is not there yet.

    path: of the page, below the base path.   run: its control id, which the tab keeps through a reload; None where there is none yet.
    base_path: `server.baseUrlPath`.   watching: the run is somebody else's, and none that was kept is asked for.
    awaits: the page is to be told when its first figure stands.
    """
    data = {
        "base": prefix(base_path),
        "version": version(),
        "path": path,
        "query": urlencode(query),
        "run": run,
        "watching": watching,
        "awaits": awaits,
    }
    result = _mount(key="tab", data=data, on_reattach_change=_heard, on_drawn_change=_heard)
    return cast(Told, {name: getattr(result, name, None) for name in Told.__annotations__})


def _heard() -> None:
    """Streamlit hands back only the values that have a callback."""
