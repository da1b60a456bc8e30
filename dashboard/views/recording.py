"""The page 'Recording': what a `core.Recorder` saw of somebody's own training loop.  The file is read here, and kept nowhere."""

from __future__ import annotations

from contextlib import suppress
from html import escape
from pathlib import Path

import streamlit as st

from core import limits
from core.recording import InvalidRecording, Recording
from core.trace import Trace
from dashboard import session, steering
from dashboard.charts import CHARTS, history
from dashboard.component.tab import tab
from dashboard.form import problem_line
from dashboard.live import runs
from dashboard.live.runs import LiveError
from dashboard.texts import Texts, literal
from dashboard.views import looking, proof

NAME = PLACE = "recording"
FILE = "recording file"
EXAMPLE = Path(__file__).resolve().parents[2] / "assets" / "examples" / "record_lstm.py"
LOOP = """\
from core import Recorder

with Recorder(model, "run.safetensors", every=10) as recorder:
    for x, y in batches:
        optimiser.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        recorder.clip(1.0)  # as clip_grad_norm_; leave it out where nothing is clipped
        optimiser.step()
        recorder.note(loss)
"""
DEFAULTS = ("history", "lag_matrix", "hidden_state", "gradient", "shares")


def page() -> None:
    """Everything on the page."""
    say = session.texts().about(NAME)
    session.came(NAME)
    _keep_run()
    held = session.opened()
    if held.recording is not None:
        proof.of_recording(held.recording, say)
    st.html(f"<h1 class='lab'>{escape(say('record.title'))}</h1><p class='lab'>{escape(say('record.intro'))}</p>")
    st.file_uploader(
        say("record.open"),
        type="safetensors",
        key=FILE,
        help=literal(say("record.help")),
        max_upload_size=limits.RECORDING_BYTES // 2**20,
        on_change=_read,
    )
    problem_line(held.problem)
    if held.recording is None:
        _how(say)
    else:
        _shown(held.recording, say)


def _keep_run() -> None:
    """This page has no run, but one of the tab's live pages may: it is there again after this page was reloaded."""
    live = session.latest()
    told = tab(f"/{NAME}", {}, live.control, st.get_option("server.baseUrlPath") or "", watching=live.watching)
    if runs.ready():
        with live.asked("reattach", told["reattach"]) as control, suppress(LiveError):
            if control:
                steering.reattach(live, control, late=True)


def _read() -> None:
    """Take over the file that was chosen, or say in one sentence why that cannot be."""
    held, file = session.opened(), session.widget(FILE)
    held.recording, held.problem = None, None
    if file is not None:
        try:
            held.recording = Recording.from_bytes(file.getvalue())
        except InvalidRecording as error:
            held.problem = str(error)


def _how(say: Texts) -> None:
    """How a recording is made."""
    st.html(f"<h3 class='chart'>{escape(say('record.how'))}</h3><p class='aside'>{escape(say('record.how_help'))}</p>")
    st.code(LOOP, language="python")
    st.download_button(
        say("record.example"),
        EXAMPLE.read_bytes,
        EXAMPLE.name,
        "text/x-python",
        key="example",
        on_click="ignore",
        icon=":material/download:",
    )
    st.html(f"<p class='aside'>{escape(say('record.example_help'))}</p>")


def _shown(recording: Recording, say: Texts) -> None:
    about = recording.about
    facts = {"cell": about.kind, "stack": about.stack, "layers": about.layers, "hidden": about.hidden, "inputs": about.inputs}
    words = say("record.about", **facts, dtype=about.dtype, count=f"{len(recording.traces):,}", points=f"{len(recording.history):,}")
    st.html(f"<p class='note'>{escape(words)}</p>")
    trace = _chosen(recording, say)
    fitting = () if trace is None else tuple(name for name, chart in CHARTS.items() if chart.fits(trace))
    charts = looking.names(("history", *fitting), PLACE, DEFAULTS, say)
    of_trace = [name for name in charts if name in fitting]
    look = looking.as_shown(say)
    if trace is not None and of_trace:
        look = looking.choose(trace, of_trace, PLACE, say)
    for name in charts:
        if name == "history":
            looking.heading(name, "history.csv", looking.table(recording.to_frame), PLACE, say)
            looking.figure(history.draw(recording.history, None, look), name, PLACE)
        elif trace is not None:
            looking.show(name, trace, look, PLACE, say)
    if charts:
        looking.picture_format(say)


def _chosen(recording: Recording, say: Texts) -> Trace | None:
    """The sequence of the iteration that the sliders stand at."""
    if not recording.traces:
        st.html(f"<p class='aside'>{escape(say('record.empty'))}</p>")
        return None
    iterations = recording.iterations
    if session.widget("recorded iteration") not in iterations:
        session.set_widget("recorded iteration", iterations[-1])
    if len(iterations) > 1:
        st.select_slider(say("record.iteration"), iterations, key="recorded iteration")
    whole = recording.traces[iterations.index(session.widget("recorded iteration"))]
    sequences = range(len(whole.axes))
    row = looking.pick("recorded sequence", sequences, say("record.sequence"), lambda row: str(row + 1)) if len(sequences) > 1 else 0
    if autograd := whole.books.get("autograd"):
        st.html(f"<p class='aside'>{escape(say('record.books', error=f'{autograd:.0e}', iteration=f'{whole.iteration:,}'))}</p>")
    return whole.of(row)
