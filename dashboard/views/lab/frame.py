"""What all pages of the laboratory have in common: the run they study, its form, and how a study is shown while it goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import streamlit as st

from core.studies import Refused
from dashboard import address, controls, inquiry, session, steering
from dashboard.component.tab import tab
from dashboard.form import line, problem_line
from dashboard.inquiry import Inquiry
from dashboard.live import runs, studying
from dashboard.live.runs import LiveError, RunInfo
from dashboard.session import Session
from dashboard.starts import FIRST, STARTS
from dashboard.texts import Texts, literal, shortened
from dashboard.views import looking, unavailable
from dashboard.views.notices import notices

ASK_EVERY = 0.4
"""Seconds between two looks at how far a study is."""
PATIENCE = 2.0
"""Seconds after which the rest of a page that was opened by its address comes, also where no figure stands: a study may have only begun."""
SOON = 0.8
"""Seconds after which what stands further down any other page comes.  To be told of its first figure, or to look at a study that has only
begun, would start the script anew just as somebody may go back, and Streamlit would show the page again that is left."""
KEPT_BYTES = 4 * 2**20
"""The largest checkpoint of a run that its page keeps, to go on from."""
MORE = (0, 100, 300, 1000)
"""Iterations that a network may be trained on before it is studied."""


Panel = Callable[[Session, Texts], None]
"""What stands on a page."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a page is made of.

    of_present: all of it is about the weights as they are, and the page offers to train them on before.  Where only a part of it is, that
    part offers it (`further`).
    """

    panel: Panel
    of_present: bool = True


def page(name: str, contents: Contents, badge: Panel) -> None:
    """A whole page of the laboratory.  It studies the run of the live page that was shown last, or of the address it is opened by.

    badge: what stands above its heading.
    """
    say = session.texts()
    held = session.latest()
    session.came(name)
    try:
        if not runs.ready():
            unavailable.show(say("unavailable.starting"), say)
            return
        catalogue = runs.catalogue()
        if held.run is None:
            held.opened = name
            steering.open_run(held, catalogue, say)
        elif not steering.follow(held):
            steering.renew(held, say)
    except LiveError as error:
        unavailable.show(str(error), say)
        return
    with held.lock:
        if typed := controls.typed(held):
            steering.change(held, typed)
    say = say.about(*catalogue.subjects(held.experiment))
    held.by_address = held.opened == name
    if held.by_address:
        held.due.setdefault(name, time.monotonic() + PATIENCE)
    with st.sidebar:
        query, base = address.write(held.experiment, STARTS[FIRST]), st.get_option("server.baseUrlPath") or ""
        told = tab(f"/{name}", query, held.control, base, watching=held.watching, awaits=held.by_address and _awaited(held, name))
    with held.asked("drawn", told["drawn"]) as drawn:
        if drawn == f"/{name}":
            held.due[name] = 0
    with st.sidebar:
        if held.control is None:
            controls.summary(held.experiment, catalogue)
        else:
            afterwards(held, name, lambda: controls.draw(held, catalogue, lambda typed: steering.change(held, typed), say), "form")
    with held.asked("reattach", told["reattach"]) as control:
        again = bool(control) and steering.reattach(held, str(control), late=True)
    if again:
        st.rerun()
    notices(held, say)
    badge(held, say)
    st.html(f"<h1 class='lab'>{escape(say(f'lab.{name}.title'))}</h1><p class='lab'>{escape(say(f'lab.{name}.intro'))}</p>")
    if held.control is None:
        st.html(f"<p class='note'>{escape(say('lab.watching'))}</p>")
        return
    _subject(held, contents, say)
    contents.panel(held, say)


def afterwards(held: Session, name: str, draw: Callable[[], None], place: str) -> None:
    """What comes after the first figure of a page that was opened by its address: a browser builds all that it is sent before it draws.

    name: of the page.   place: on the page.
    """
    if held.by_address:
        _later(held, name, draw, place)
    else:
        draw()


def lower(held: Session, name: str, draw: Callable[[], None]) -> None:
    """What stands further down a page, which comes later on a visitor's first run of any page."""
    _later(held, name, draw, "lower")


def _later(held: Session, name: str, draw: Callable[[], None], place: str) -> None:
    left = held.due.setdefault(name, time.monotonic() + SOON) - time.monotonic()
    if left <= 0:
        draw()
        return

    @st.fragment(run_every=left, key=f"{place} {name}")
    def wait() -> None:
        if not _awaited(held, name):
            st.rerun()

    wait()


def _awaited(held: Session, name: str) -> bool:
    """Whether a page waits for its first figure."""
    return time.monotonic() < held.due.get(name, 0)


def further(say: Texts, *, there: bool) -> None:
    """How far the copy is trained on before it is studied.   there: whether it is: a training from iteration 0 begins without it."""
    if not there or session.widget("lab more") not in MORE:
        session.set_widget("lab more", 0)
    if there:
        told = literal(say("lab.more_help"))
        st.selectbox(say("lab.more"), MORE, key="lab more", format_func=lambda more: f"+ {more:,}", width=190, help=told)


def _subject(held: Session, contents: Contents, say: Texts) -> None:
    """Which network is studied, and how it may be trained on before."""
    info = runs.find(held.run) if held.run else None
    if info is None:
        return
    with st.container(horizontal=True, vertical_alignment="bottom", key="lab subject"):
        sequences = range(len(held.description["sequences"]))
        if len(sequences) > 1:
            if session.widget("lab observe") not in sequences:
                session.set_widget("lab observe", 0)
            st.selectbox(say("lab.observe"), sequences, key="lab observe", format_func=lambda row: _line(held, row), width=260)
        if contents.of_present:
            further(say, there=True)
        more = session.widget("lab more", 0) if contents.of_present else 0
        st.html(f"<p class='subject'>{escape(_words(held, info, more, say))}</p>")


def _words(held: Session, info: RunInfo, more: int, say: Texts) -> str:
    experiment, catalogue = held.experiment, runs.catalogue()
    trained = say("lab.trained_on" if more else "lab.trained", iterations=say.count("iteration", info.iteration), more=f"{more:,}")
    if info.given:
        trained = say("lab.given", trained=trained)
    if not catalogue.matters(experiment, "cell"):
        return say("lab.subject_alone", model=catalogue.members("model")[experiment.model].label, trained=trained)
    label = catalogue.members("cell")[experiment.cell].label
    return say("lab.subject", cell=label, hidden=experiment.hidden, layers=say.count("layer", experiment.layers), trained=trained)


def _line(held: Session, row: int) -> str:
    return shortened(" ".join(held.description["sequences"][row]["inputs"]))


def study(held: Session, name: str, asked: Any, draw: Callable[[Any], None], say: Texts, place: str = "", past: int | None = None) -> None:
    """A quick study of the run's network: asked as soon as it is shown, and again whenever the network or the question changes.

    asked: of the study's kind.   draw: shows what is found.   place: tells two questions of the same study on one page apart.
    past: the iteration of a checkpoint that is kept; the network as it was then is studied.
    """
    known = held.inquiries.setdefault(f"{name} {place}".strip(), Inquiry())
    hurried = held.by_address and _awaited(held, held.opened)
    begin = _begin(held, name, asked, past)
    info = runs.find(held.control or "")
    # While it trains, every iteration would be another question: then the network is studied as it was when the question was first put.
    iteration = info.iteration if info and info.state != "training" else None
    if past is not None:
        iteration = past
    subject = (*_subject_of(held, asked), past)  # settings may have changed since, at the very same iteration
    if iteration is None and known.asked is not None and known.asked[0] == subject:
        iteration = known.asked[1]
    inquiry.follow(known, (subject, iteration), begin, hurried=hurried)
    _section(known, name, place, begin, draw, say, alone=hurried and known.shown is not None)


@contextmanager
def headed(held: Session, name: str, place: str, say: Texts, chart: str = "") -> Iterator[None]:
    """The heading of a study that is shown within; what is found by then is offered there as a file.

    A quick study is done in the very run of the page that asks for it, so that the offer has to come after it.   chart: where it has
    another name than the study.
    """
    row = looking.heading(chart or name, "", None, place, say)
    yield
    known = held.inquiries.get(name)
    if known is not None and known.shown is not None:
        found = known.shown
        looking.offer(row, chart or name, f"{name}.csv", looking.table(found.to_frame), say)


def on_demand(held: Session, name: str, asked: Callable[[], Any], label: str, draw: Callable[[Any], None], say: Texts) -> None:
    """A long study of the run's network, begun with a button; what was found stays until it is begun again.

    asked: makes the question of what was typed, or raises `Refused`.   label: of the button.
    """
    known = held.inquiries.setdefault(name, Inquiry())
    options, refused = None, ""
    try:
        options = asked()
    except Refused as refusal:
        refused = str(refusal)
    begin = _begin(held, name, options)

    def press() -> None:
        known.asked, known.found = _subject_of(held, options), None
        inquiry.again(known, begin)

    st.button(label, on_click=press, key=f"begin {name}", type="primary", disabled=bool(refused) or known.going_on)
    problem_line(refused)
    line(say("lab.earlier") if known.found is not None and known.asked != _subject_of(held, options) else "", "aside")
    _section(known, name, "", begin, draw, say)


def _subject_of(held: Session, asked: Any) -> tuple[Any, ...]:
    """What a question is about: which network, and what of it."""
    info = runs.find(held.control or "")
    taken = info.taken if info else 0
    return held.control, held.experiment, asked, session.widget("lab observe", 0), session.widget("lab more", 0), taken


def of_present(held: Session, known: Inquiry) -> bool:
    """Whether what was found is about the run's network as it is now: the same experiment, at the same iteration."""
    if known.found is None or known.stale or known.asked is None:
        return False
    (control, experiment, *_), _ = known.asked
    info = runs.find(held.run or "")
    return (control, experiment) == (held.control, held.experiment) and info is not None and known.found.iteration == info.iteration


def _begin(held: Session, name: str, asked: Any, past: int | None = None) -> Callable[[str], str]:
    """What asks for the study of the network as it is then, or as it was at a past checkpoint."""
    control = held.control or ""
    observe, more = session.widget("lab observe", 0), session.widget("lab more", 0)

    def begin(asker: str) -> str:
        checkpoint = runs.checkpoint(control, past)
        if past is None:
            held.kept = checkpoint if len(checkpoint) <= KEPT_BYTES else b""
        return studying.start(name, asked, checkpoint, observe, more, asker)

    return begin


def _section(
    known: Inquiry, name: str, place: str, begin: Callable[[str], str], draw: Callable[[Any], None], say: Texts, *, alone: bool = False
) -> None:
    """How far a study is and what it has found, looked at again and again while it goes on.

    alone: what it has found stands alone until the run of the script that brings the rest of the page: it would be drawn twice.
    """
    every = ASK_EVERY if known.going_on and not alone else None

    @st.fragment(run_every=every, key=f"study {name} {place}")
    def section() -> None:
        inquiry.look(known)
        if known.going_on != bool(every) and not alone:  # the fragment is to be asked again, or no more
            st.rerun()
        problem_line(known.problem)
        with st.container():  # of one place, however much is told in it: what is found would be seen twice as it moved
            if not alone:
                _progress(known, name, begin, say)
        if known.shown is not None:
            with st.container(key=f"{'stale' if known.stale else 'fresh'} {name} {place}"):
                draw(known.shown)

    section()


def _progress(known: Inquiry, name: str, begin: Callable[[str], str], say: Texts) -> None:
    seen = known.progress
    if (seen is None and not known.problem) or (seen is not None and seen.state in ("done", "refused")):
        return
    if seen is not None and seen.state == "fitting":
        st.progress(seen.done / seen.total if seen.total else 0.0, literal(say("lab.going", words=seen.words or say("lab.begins"))))
        st.button(say("lab.cancel"), on_click=inquiry.cancel, args=(known,), key=f"cancel {name}")
        return
    if seen is not None and seen.state == "cancelled":
        st.html(f"<p class='aside'>{escape(say('lab.cancelled'))}</p>")
    st.button(say("lab.again"), on_click=inquiry.again, args=(known, begin), key=f"again {name}")
