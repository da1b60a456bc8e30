"""Share and save: the link, the experiment as a file, the checkpoint."""

from __future__ import annotations

from collections.abc import Callable
from html import escape

import streamlit as st

from core import limits
from core.catalogue import Catalogue
from dashboard import address, session, steering
from dashboard.controls import summary
from dashboard.form import folded, problem_line
from dashboard.live import runs
from dashboard.session import Session
from dashboard.texts import Texts, literal

OPENED = {"file", "checkpoint", "weights"}
"""Where sentences about opened files stand among the page's problems."""

NONLINEARITIES = ("tanh", "relu")
"""Of a plain RNN, which its weights do not tell."""


def panel(held: Session, catalogue: Catalogue, say: Texts) -> None:
    """Everything by which a run leaves this page or comes back to it."""
    control = held.control
    if control is None:
        return
    st.html(f"<h3 class='group'>{escape(say('share.title'))}</h3>")
    base = st.context.url or ""
    carried = address.carries_text(held.experiment)
    if carried:
        _aside(say("share.link_changed" if held.changed_live else "share.link"))
    if held.given:
        _aside(say("share.link_given"))
    _link("share.copy", lambda: steering.link(held, base), say)
    if not carried:
        st.html(f"<p class='problem' role='status'>{escape(say('share.text_too_long'))}</p>")
    _link("share.watch", lambda: steering.watch_link(held, base), say, "share.watch_help")
    place = folded(say("share.files"), "share files", unfold=bool(OPENED & held.problems.keys()) or held.weights is not None)
    if place.open:
        with place:
            _files(held, control, catalogue, say)
    if held.experiment != held.start or held.drafts or held.fitting != address.UNCHOSEN:
        st.button(say("share.defaults"), on_click=steering.reset, args=(held,), key="defaults", type="tertiary", icon=":material/undo:")


def watching(held: Session, catalogue: Catalogue, say: Texts) -> None:
    """The sidebar of a page that only watches."""
    st.html(f"<h3 class='group'>{escape(say('share.watching'))}</h3>")
    _aside(say("share.watching_help"))
    summary(held.experiment, catalogue)
    st.link_button(say("share.own"), steering.link(held, st.context.url or ""), width="stretch", icon=":material/play_arrow:")


def _files(held: Session, control: str, catalogue: Catalogue, say: Texts) -> None:
    """What is saved to files, and opened from them."""
    st.download_button(
        say("share.download_experiment"),
        lambda: steering.file(held),
        "experiment.json",
        "application/json",
        on_click="ignore",
        width="stretch",
        icon=":material/download:",
        key="download experiment",
    )
    st.file_uploader(
        say("share.open_experiment"),
        type="json",
        key="experiment file",
        max_upload_size=1,
        on_change=lambda: _uploaded(held, "experiment file", "file", lambda content: steering.load_experiment(held, catalogue, content)),
    )
    problem_line(held.problems.get("file"))
    st.download_button(
        say("share.download_checkpoint"),
        lambda: runs.checkpoint(control),
        "checkpoint.safetensors",
        "application/octet-stream",
        on_click="ignore",
        width="stretch",
        icon=":material/download:",
        key="download checkpoint",
    )
    st.file_uploader(
        say("share.open_checkpoint"),
        type="safetensors",
        key="checkpoint file",
        max_upload_size=limits.CHECKPOINT_BYTES // 2**20,
        on_change=lambda: _uploaded(held, "checkpoint file", "checkpoint", lambda content: steering.load_checkpoint(held, content)),
    )
    problem_line(held.problems.get("checkpoint"))
    _weights(held, say)


def _link(name: str, link: Callable[[], str], say: Texts, about: str | None = None) -> None:
    """A link behind its name, with a button that copies it.  (The first `st.code` makes a browser load 1.5 MB, half a second.)"""
    place = folded(say(name), name.replace(".", " "))
    if place.open:
        with place:
            if about:
                _aside(say(about))
            st.code(link(), language=None, wrap_lines=True)


def _weights(held: Session, say: Texts) -> None:
    """The place for a file of weights, and what was found in it."""
    session.set_widget("own nonlinearity", _nonlinearity())
    st.segmented_control(
        say("weights.nonlinearity"), NONLINEARITIES, key="own nonlinearity", required=True, help=literal(say("weights.nonlinearity_help"))
    )
    st.file_uploader(
        say("weights.open"),
        type=["safetensors", "pt", "pth", "bin"],
        key="weights file",
        help=literal(say("weights.help")),
        max_upload_size=limits.CHECKPOINT_BYTES // 2**20,
        on_change=lambda: _uploaded(held, "weights file", "weights", lambda content: steering.load_weights(held, content, _nonlinearity())),
    )
    problem_line(held.problems.get("weights"))
    if (found := held.weights) is not None:
        experiment = held.experiment
        stack = found.stack.rstrip("._")
        words = [say("weights.found" if stack else "weights.found_alone", stack=stack, layers=experiment.layers, hidden=experiment.hidden)]
        if held.description.get("reads", True):  # otherwise numbers enter, and nothing is embedded
            words.append(say("weights.embedding" if found.embedding else "weights.embedding_drawn", name=found.embedding))
        words.append(say("weights.readout" if found.readout else "weights.readout_drawn", name=found.readout))
        words.append(say("weights.kept"))
        st.html(f"<p class='note' role='status'>{escape(' '.join(words))}</p>")


def _nonlinearity() -> str:
    """The one that is chosen; the first, too, before the browser has told what stands in a place that was just opened."""
    chosen = session.widget("own nonlinearity")
    return chosen if chosen in NONLINEARITIES else NONLINEARITIES[0]


def _aside(words: str) -> None:
    st.html(f"<p class='aside'>{escape(words)}</p>")


def _uploaded(held: Session, key: str, problem: str, take: Callable[[bytes], None]) -> None:
    file = session.widget(key)
    if file is None:  # taken away again, and with it what was wrong with it
        held.problems.pop(problem, None)
        return
    # A browser tells of its file once more when the page that it stood on was left, and would begin the run again with it.
    with held.once(key, file.file_id) as new:
        if new:
            take(file.getvalue())
