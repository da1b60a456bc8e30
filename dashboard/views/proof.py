"""The proof: a badge on top of every page, and behind it the numbers, measured on the network as it is.

On a live page the badge is the component's own, which costs the server nothing: its numbers come with the pictures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from html import escape

import streamlit as st

from core.checks import BOOKS, Check, Slope
from core.recording import Recording
from core.studies.proof import Asked, Found
from dashboard import session
from dashboard.live import runs
from dashboard.live.runs import LiveError
from dashboard.session import Session
from dashboard.texts import Texts, literal
from dashboard.views import looking
from dashboard.views.lab import frame

NAME = "proof"
OPEN = "proof open"
SEED = "proof seed"
CHECKED = ("check", "passed", "of", "error", "tolerance", "numbers")


def badge(held: Session, say: Texts) -> None:
    """On a page of the laboratory: what the last picture's books say, or all of the proof where it has been asked for."""
    good, words = _verdict(held, say)
    with st.container(key=f"proof {good}"):
        watching = held.control is None  # the numbers are measured for who controls the run
        hint = say("lab.watching" if watching else "proof.open")
        st.button(literal(words), on_click=_toggle, key="proof badge", type="tertiary", help=literal(hint), disabled=watching)
    panel(held, say)


def of_recording(recording: Recording, say: Texts) -> None:
    """On the page of a recording: what the books of all its iterations say, and each of them at its worst where that is asked for."""
    worst = recording.books
    dtype = recording.about.dtype if recording.about.dtype in BOOKS else "float64"
    good, words = _balance({name: error for name, (error, _) in worst.items()}, dtype, say)
    with st.container(key=f"proof {good}"):
        st.button(literal(words), on_click=_toggle, key="proof badge", type="tertiary", help=literal(say("proof.recorded_open")))
    with st.container(key="proof panel"):
        if not session.widget(OPEN):
            return
        with st.container(border=True):
            st.html(f"<p class='note {good}'>{escape(say('proof.recorded'))}</p>")
            allowed = BOOKS[dtype]
            rows = [
                (_of(name, say), _error(error), _error(allowed), f"{at:,}", "✓" if error <= allowed else f"✗ {say('proof.too_large')}")
                for name, (error, at) in worst.items()
            ]
            st.html(_table(("of", "error", "tolerance", "iteration", "passed"), rows, say))
            st.button(say("proof.close"), on_click=_toggle, key="close proof", type="tertiary")


def panel(held: Session, say: Texts) -> None:
    """The numbers, while they are open; they are measured anew when they are opened, or asked for again."""
    with st.container(key="proof panel"):  # it always stands: what follows keeps its place and is not mounted again
        if not session.widget(OPEN) or held.control is None:
            return
        with st.container(border=True):
            asked = Asked(seed=session.widget(SEED, 0))
            frame.study(held, NAME, asked, lambda found: _found(found, say), say, "numbers")
            with st.container(horizontal=True):
                st.button(say("proof.again"), on_click=_again, key="prove again")
                st.button(say("proof.close"), on_click=_toggle, key="close proof", type="tertiary")


def show() -> None:
    """Open the numbers."""
    session.set_widget(OPEN, value=True)


def _toggle() -> None:
    session.set_widget(OPEN, value=not session.widget(OPEN))


def _again() -> None:
    session.set_widget(SEED, session.widget(SEED, 0) + 1)


def _verdict(held: Session, say: Texts) -> tuple[str, str]:
    """Whether all is well ("good", "bad", or "unknown"), and in words."""
    known = held.inquiries.get(f"{NAME} numbers")
    if known and frame.of_present(held, known) and not known.found.passed:
        return "bad", f"✗ {say('proof.broken')} · {_error(_worst(known.found).error)}"
    try:
        books = runs.trace(held.run or "")[0].books
    except LiveError:
        books = {}
    return _balance(books, held.experiment.dtype, say)


def _balance(books: Mapping[str, float], dtype: str, say: Texts) -> tuple[str, str]:
    """The same of these books alone."""
    if not books or any(map(math.isnan, books.values())):
        return "unknown", say("proof.unknown")
    error = max(books.values())
    if error <= BOOKS[dtype]:
        return "good", f"✓ {say('proof.balance')} · {_error(error)}"
    return "bad", f"✗ {say('proof.unbalanced')} · {_error(error)}"


def _worst(found: Found) -> Check:
    """A check that has not passed, where there is one."""
    return min(found.worst.values(), key=lambda check: check.passed)


def _found(found: Found, say: Texts) -> None:
    """The verdict and its numbers."""
    looking.heading(NAME, "proof.csv", looking.table(found.to_frame), NAME, say)
    tone = "bad" if not found.passed else "good"
    verdict = "failed" if not found.passed else "passed" if found.complete else "going"
    told = say(f"proof.{verdict}", iteration=f"{found.iteration:,}")
    if found.slopes:
        told += " " + say("proof.sure", clear=found.worst["differences"].checked, all=len(found.slopes))
    if found.dtype != "float64":
        told += " " + say("proof.copied", dtype=found.dtype)
    st.html(f"<p class='note {tone}' role='{'alert' if tone == 'bad' else 'status'}'>{escape(told)}</p>")
    st.html(_table(CHECKED, [_row(check, say) for check in found.worst.values()], say))
    with st.expander(say("proof.all", count=len(found.checks), slopes=len(found.slopes))):
        st.html(_table(CHECKED, [_row(check, say) for check in found.checks], say))
        if found.slopes:
            st.html(_slopes(found.slopes, say))


def _row(check: Check, say: Texts) -> tuple[str, ...]:
    passed = "✓" if check.passed else f"✗ {say('proof.too_large')}"
    name, of = say(f"proof.checks.{check.name}"), _of(check.of, say)
    return name, passed, of, _error(check.error), _error(check.tolerance), f"{check.checked:,}"


def _of(what: str, say: Texts) -> str:
    """What a check is of; weights have no other words than their names."""
    known = f"proof.of.{what.replace(' ', '_')}"
    return say(known) if known in say.lines else what


def _table(columns: tuple[str, ...], rows: Sequence[tuple[str, ...]], say: Texts) -> str:
    body = "".join(
        f"<tr class='{'' if row[1] == '✓' else 'bad'}'>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return _framed(columns, body, say)


def _slopes(slopes: tuple[Slope, ...], say: Texts) -> str:
    body = "".join(
        f"<tr><td>{escape(one.weight)}</td><td>{one.entry}</td><td>{one.bptt:.12g}</td><td>{one.differences:.12g}</td>"
        f"<td>{_error(one.doubt)}</td></tr>"
        for one in slopes
    )
    return _framed(("weight", "entry", "bptt", "differences", "doubt"), body, say)


def _framed(columns: tuple[str, ...], body: str, say: Texts) -> str:
    head = "".join(f"<th>{escape(say(f'proof.columns.{name}'))}</th>" for name in columns)
    return f"<div class='wide'><table class='checks'><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _error(value: float) -> str:
    """One digit is enough for an error."""
    return (f"{value:.0e}" if value else "0") if math.isfinite(value) else "—"
