"""The proof: a badge on top of every page, and behind it the numbers, measured on the network as it is.

On a live page the badge is the component's own, which costs the server nothing: its numbers come with the pictures.
"""

from __future__ import annotations

import math
from html import escape

import streamlit as st

from core.checks import BOOKS, Check, Slope
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


def badge(held: Session, say: Texts) -> None:
    """On a page of the laboratory: what the last picture's books say, or all of the proof where it has been asked for."""
    good, words = _verdict(held, say)
    with st.container(key=f"proof {good}"):
        watching = held.control is None  # the numbers are measured for who controls the run
        hint = say("lab.watching" if watching else "proof.open")
        st.button(literal(words), on_click=_toggle, key="proof badge", type="tertiary", help=literal(hint), disabled=watching)
    panel(held, say)


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
        return "unknown", say("proof.unknown")
    if not books or any(map(math.isnan, books.values())):
        return "unknown", say("proof.unknown")
    error = max(books.values())
    if error <= BOOKS[held.experiment.dtype]:
        return "good", f"✓ {say('proof.balance')} · {_error(error)}"
    return "bad", f"✗ {say('proof.unbalanced')} · {_error(error)}"


def _worst(found: Found) -> Check:
    """A check that has not passed, where there is one."""
    return min(found.worst.values(), key=lambda check: check.passed)


def _found(found: Found, say: Texts) -> None:
    """The verdict and its numbers."""
    looking.heading(NAME, "proof.csv", lambda: str(found.to_frame().to_csv(index=False)), NAME, say)
    tone = "bad" if not found.passed else "good"
    verdict = "failed" if not found.passed else "passed" if found.complete else "going"
    told = say(f"proof.{verdict}", iteration=f"{found.iteration:,}")
    if found.slopes:
        told += " " + say("proof.sure", clear=found.worst["differences"].checked, all=len(found.slopes))
    if found.dtype != "float64":
        told += " " + say("proof.copied", dtype=found.dtype)
    st.html(f"<p class='note {tone}' role='{'alert' if tone == 'bad' else 'status'}'>{escape(told)}</p>")
    st.html(_table([_row(check, say) for check in found.worst.values()], say))
    with st.expander(say("proof.all", count=len(found.checks), slopes=len(found.slopes))):
        st.html(_table([_row(check, say) for check in found.checks], say))
        if found.slopes:
            st.html(_slopes(found.slopes, say))


def _row(check: Check, say: Texts) -> tuple[str, ...]:
    known = f"proof.of.{check.of.replace(' ', '_')}"
    of = say(known) if known in say.lines else check.of
    passed = "✓" if check.passed else f"✗ {say('proof.too_large')}"
    return say(f"proof.checks.{check.name}"), of, _error(check.error), _error(check.tolerance), f"{check.checked:,}", passed


def _table(rows: list[tuple[str, ...]], say: Texts) -> str:
    body = "".join(
        f"<tr class='{'' if row[-1] == '✓' else 'bad'}'>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    return _framed(("check", "of", "error", "tolerance", "numbers", "passed"), body, say)


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
    return f"{value:.0e}" if math.isfinite(value) else "—"
