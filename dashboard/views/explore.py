"""The live page: the explorer component, the form beside it, and below it the places to inspect and to try a text."""

from __future__ import annotations

import streamlit as st

from dashboard import controls, session, steering
from dashboard.component import explorer
from dashboard.live import runs
from dashboard.live.runs import LiveError
from dashboard.views import inspection, sharing, trying, unavailable
from dashboard.views.notices import notices


def page() -> None:
    """Everything on the page, in the order in which it stands there."""
    held, say = session.current(), session.texts()
    try:
        if not runs.ready():
            unavailable.show(say("unavailable.starting"), say)
            return
        catalogue = runs.catalogue()
        if held.run is None:
            steering.open_run(held, catalogue, say)
        elif not steering.follow(held):
            steering.renew(held, say)
    except LiveError as error:
        unavailable.show(str(error), say)
        return
    with held.lock:
        if typed := controls.typed(held):
            steering.change(held, typed)
    notices(held, say)
    explored = explorer("explorer", held.run, st.get_option("server.baseUrlPath") or "", experiment=held.experiment.to_dict())
    with held.asked("visited", explored["visited"]) as search:
        again = search is not None and steering.revisit(held, catalogue, search, say)
    if again:
        st.rerun()
    if held.query is not None:  # written once: later the visitor may have gone back to another address
        session.set_query(held.query)
        held.query = None
    with held.asked("renew", explored["renew"]) as renew:
        if renew is not None:
            steering.renew(held, say)
    with held.asked("reattach", explored["reattach"]) as control:
        again = bool(control) and steering.reattach(held, str(control))
    if again or renew is not None:
        st.rerun()
    with st.sidebar:
        if held.control is None:
            sharing.watching(held, catalogue, say)
        else:
            controls.draw(held, catalogue, lambda typed: steering.change(held, typed), say)
            sharing.panel(held, catalogue, say)
    reading, trial = st.tabs([say("inspect.tab"), say("try.tab")], key="below", on_change="rerun")
    if reading.open:
        with reading:
            inspection.panel(held, explored["view"], say)
    if trial.open:
        with trial:
            trying.panel(held, say)
