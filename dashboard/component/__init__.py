"""The live page's component: our own JavaScript and CSS, mounted once by a page, fed by its own WebSocket.

This package is the only place of `st.components.v2`: the explorer here, the drawing field of an own series in `drawing`,
what the tab knows in `tab`, and figures in `plot`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, cast

import streamlit as st

from dashboard.component.assets import loader, prefix, version

_mount = st.components.v2.component("bptt_explorer", js=loader("explorer.js"))


class Cursor(TypedDict):
    """A pinned cursor: loss step s and step t, from 1."""

    s: int
    t: int


class View(TypedDict):
    """What the browser shows, told when training pauses and when the visitor chooses something while it is paused.

    iteration: the run's latest.   back: the older one that the visitor looks back at, if so.
    """

    state: str
    iteration: int
    back: int | None
    sentence: int
    layer: int
    gate: str | None
    part: str
    weight: str | None
    view: str
    cursor: Cursor | None


class Wish(TypedDict):
    """Something that the browser asks for.  It stands there in every script run; `id` tells whether it has been done already."""

    id: str
    value: str


class Explored(TypedDict):
    """What `explorer` returns.

    view: None until the first pause or choice.
    reattach: the value is the id of the run that this tab controlled before it was reloaded ("" when mounted without a run and the tab
    knows of none).
    renew: the visitor asks for a new run because this one has ended.
    prove: the visitor asks for all of the proof.
    visited: the value is the query of an address to which the visitor went back or forward.
    arrived: the address bar has the path that was awaited.
    """

    view: View | None
    reattach: Wish | None
    renew: Wish | None
    prove: Wish | None
    visited: Wish | None
    arrived: Wish | None


def explorer(
    key: str,
    run: str | None,
    base_path: str = "",
    words: Mapping[str, Any] | None = None,
    *,
    fps: int | None = None,
    experiment: Mapping[str, Any] | None = None,
    baselines: Sequence[Mapping[str, Any]] = (),
    awaited: str = "",
) -> Explored:
    """Mounts the explorer: transport, sentences and panels of one run.

    key: Streamlit's element key; the same through all reruns, so that the component is mounted once.
    run: control id or watch id of the run; None shows the state "no run yet".
    base_path: `server.baseUrlPath`, empty for the root.
    words: a translation, laid over the component's English words (web/words.js).
    fps: pictures a second to ask for; by default what the visitor chose (30).
    baselines: forecasts to stand beside the network's: name, place, label, values, lower, upper, scores (see `dashboard.comparing`).
    awaited: the path of this page, below the base path, when it is to be told that the address bar has it.
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
            "awaited": awaited,
        },
        on_view_change=_heard,
        on_reattach_change=_heard,
        on_renew_change=_heard,
        on_prove_change=_heard,
        on_visited_change=_heard,
        on_differs_change=_heard,
        on_arrived_change=_heard,
    )
    return cast(Explored, {name: getattr(result, name, None) for name in Explored.__annotations__})


def _heard() -> None:
    """Streamlit hands back only the values that have a callback."""
