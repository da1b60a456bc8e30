"""The live page: the explorer component, the form beside it, and below it the places to inspect and to try a text."""

from __future__ import annotations

import streamlit as st

from dashboard import comparing, controls, session, steering
from dashboard.component import Explored, explorer
from dashboard.live import runs
from dashboard.live.runs import LiveError
from dashboard.session import Session
from dashboard.starts import FIRST
from dashboard.texts import Texts
from dashboard.views import forecasting, inspection, proof, sharing, trying, unavailable
from dashboard.views.notices import notices


def page(name: str) -> None:
    """Everything on a page, in the order in which it stands there.  name: of `dashboard.starts.STARTS`; pages differ in nothing else."""
    held, say, came = session.current(name), session.texts(), session.came(name)
    try:
        if not runs.ready():
            unavailable.show(say("unavailable.starting"), say)
            return
        held.visits += came
        catalogue = runs.catalogue()
        if held.run is None:
            steering.open_run(held, catalogue, say)
        elif not steering.follow(held):
            steering.renew(held, say)
        elif came:
            steering.come_back(held, catalogue, say)
    except LiveError as error:
        unavailable.show(str(error), say)
        return
    with held.lock:
        if typed := controls.typed(held):
            steering.change(held, typed)
    say = say.about(*catalogue.subjects(held.experiment))
    notices(held, say)
    proof.panel(held, say)
    comparing.follow(held.comparison, held.experiment, held.fitting)
    explored = explorer(
        "explorer",
        held.run,
        st.get_option("server.baseUrlPath") or "",
        experiment=held.experiment.to_dict(),
        baselines=held.comparison.lines,
        awaited="" if not held.coming else "/" if name == FIRST else f"/{name}",
    )
    with held.asked("arrived", explored["arrived"]) as arrived:
        held.coming &= arrived is None
    with held.asked("visited", explored["visited"]) as search:
        again = search is not None and steering.revisit(held, catalogue, search, say)
    if again:
        st.rerun()
    steering.tell_options(held)
    if held.query is not None and not held.coming:  # written once: later the visitor may have gone back to another address
        session.set_query(held.query)
        held.query = None
    with held.asked("renew", explored["renew"]) as renew:
        if renew is not None:
            steering.renew(held, say)
    with held.asked("reattach", explored["reattach"]) as control:
        again = bool(control) and steering.reattach(held, str(control))
    with held.asked("prove", explored["prove"]) as prove:
        if prove is not None:
            proof.show()
    if again or renew is not None or prove is not None:
        st.rerun()
    with st.sidebar:
        if held.control is None:
            sharing.watching(held, catalogue, say)
        else:
            controls.draw(held, catalogue, lambda typed: steering.change(held, typed), say)
            sharing.panel(held, catalogue, say)
    _below(held, explored, say)


def _below(held: Session, explored: Explored, say: Texts) -> None:
    """What is looked into while the run rests."""
    if held.experiment.task == "series":
        comparison, reading = st.tabs([say("forecast.tab"), say("inspect.tab")], key="below series", on_change="rerun")
        if comparison.open:
            with comparison:
                forecasting.panel(held, say)
    elif not held.description.get("reads", True):
        (reading,) = st.tabs([say("inspect.tab")], key="below numbers", on_change="rerun")
    else:
        reading, trial = st.tabs([say("inspect.tab"), say("try.tab")], key="below", on_change="rerun")
        if trial.open:
            with trial:
                trying.panel(held, say)
    if reading.open:
        with reading:
            inspection.panel(held, explored["view"], say)
