"""The live page's component: our own JavaScript and CSS, mounted once by a page, fed by its own WebSocket.

This is the only place of `st.components.v2`.  Streamlit sends inline JavaScript with every mount, so ours is three lines that import the
modules from `assets.route`; their address carries a version, so that a browser keeps them until they change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

import streamlit as st

from dashboard.component.assets import ADDRESS, prefix, version

_LOADER = f"""
export default async (component) => {{
  const {{ base, version }} = component.data;
  const module = await import(`${{location.origin}}${{base}}{ADDRESS}/${{version}}/explorer.js`);
  return module.default(component);
}};
"""

_mount = st.components.v2.component("bptt_explorer", js=_LOADER)


class Cursor(TypedDict):
    """A pinned cursor: loss step s and step t, from 1."""

    s: int
    t: int


class View(TypedDict):
    """What the browser shows, told when training pauses and when the visitor chooses something while it is paused."""

    state: str
    iteration: int
    sentence: int
    layer: int
    gate: str | None
    part: str
    weight: str | None
    view: str
    cursor: Cursor | None


class Explored(TypedDict):
    """What `explorer` returns.

    view: None until the first pause or choice.
    reattach: in one script run only, the id of the run that this tab controlled before it was reloaded ("" when mounted without a run
    and the tab knows of none).
    renew: True in one script run only: the visitor asks for a new run because this one has ended.
    visited: in one script run only, the query of an address to which the visitor went back or forward.
    """

    view: View | None
    reattach: str | None
    renew: bool
    visited: str | None


def explorer(
    key: str,
    run: str | None,
    base_path: str = "",
    words: Mapping[str, Any] | None = None,
    *,
    fps: int | None = None,
    experiment: Mapping[str, Any] | None = None,
    baselines: Sequence[Mapping[str, Any]] = (),
) -> Explored:
    """Mounts the explorer: transport, sentences and panels of one run.

    key: Streamlit's element key; the same through all reruns, so that the component is mounted once.
    run: control id or watch id of the run; None shows the state "no run yet".
    base_path: `server.baseUrlPath`, empty for the root.
    words: a translation, laid over the component's English words (web/words.js).
    fps: pictures a second to ask for; by default what the visitor chose (30).
    baselines: forecasts to stand beside the network's: name, label, values, lower, upper, scores (see `dashboard.comparing`).
    experiment: the settings that the page shows; the page runs again when the run turns out to have others.
    """
    result = _mount(
        key=key,
        data={
            "run": run,
            "base": prefix(base_path),
            "version": version(),
            "words": dict(words or {}),
            "fps": fps,
            "experiment": dict(experiment or {}) or None,
            "baselines": list(baselines),
        },
        on_view_change=_heard,
        on_reattach_change=_heard,
        on_renew_change=_heard,
        on_visited_change=_heard,
        on_differs_change=_heard,
    )
    view = cast("View | None", getattr(result, "view", None))
    return {
        "view": view,
        "reattach": cast("str | None", getattr(result, "reattach", None)),
        "renew": bool(getattr(result, "renew", None)),
        "visited": cast("str | None", getattr(result, "visited", None)),
    }


def _heard() -> None:
    """Streamlit hands back only the values that have a callback."""
