"""Session: what one open page knows.  The only owner of `st.session_state`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.baselines import Options
from core.experiment import Experiment
from core.recording import Recording
from core.series import Reading
from dashboard.comparing import Comparison
from dashboard.inquiry import Inquiry
from dashboard.live.runs import FoundWeights
from dashboard.live.visitors import VISITOR
from dashboard.measurement import Measurement
from dashboard.starts import FIRST, STARTS
from dashboard.texts import DEFAULT_LANGUAGE, Texts, load

KEY = "session"
PLACE = "page"
LIVE = "live page"
RECORDING = "opened recording"


@dataclass
class Session:
    """The run that this page shows, and what was typed but does not hold.

    page: its name, of `dashboard.starts.STARTS`.
    control, watch: the run's ids, None until it is made; a page that only watches has no `control`.
    link: the query with which the page was opened.
    query: what the address bar has to say next; None leaves it as it is.
    experiment: what the run runs now.
    description: what the server says of that experiment's task.
    drawn: field -> what the form last showed in it; a widget that holds something else was typed into.
    renewed: field -> how often the page itself has written something else into it.
    picked: how many examples were picked.
    drafts: field -> text that was typed and refused; it stays in its field until it is mended.
    problems: field -> the sentence that says why.
    notes: sentences for the top of the page, until the next change.
    visits: how often the visitor came here from another page.
    coming: the visitor is on the way here from another page, whose path may still stand in the address bar.
    passed: the bare address was passed on the way back to this page, and stands for nothing but the run as it was left.
    changed_live: the run was changed on its way, so that the link no longer reproduces its past.
    mended: the page's link could not be used as it was.
    given: the run began with weights of a file, which no link carries.
    fitting: what is written about the baselines, in its fields and in the link.
    told: what the address bar says of them.
    comparison: the baselines of the series, where one is learned.
    measurement: the error against K of such an experiment.
    inquiries: what the laboratory's pages ask of the run's network, by the name of the study.
    kept: the run's last checkpoint that was studied, to go on from when the run has ended meanwhile.
    reading: what was found in the file that an own series was taken from.
    weights: what was found in the file whose weights the run began with.
    trial, generated: the last answers of 'try a text'.
    """

    page: str = FIRST
    control: str | None = None
    watch: str | None = None
    link: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] | None = None
    experiment: Experiment = field(default_factory=Experiment)
    description: Mapping[str, Any] = field(default_factory=dict)
    drawn: dict[str, str] = field(default_factory=dict)
    renewed: dict[str, int] = field(default_factory=dict)
    picked: int = 0
    drafts: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    visits: int = 0
    coming: bool = False
    passed: bool = False
    changed_live: bool = False
    mended: bool = False
    given: bool = False
    fitting: Options = field(default_factory=Options)
    told: Options = field(default_factory=Options)
    comparison: Comparison = field(default_factory=Comparison)
    measurement: Measurement = field(default_factory=Measurement)
    inquiries: dict[str, Inquiry] = field(default_factory=dict)
    kept: bytes = b""
    reading: Reading | None = None
    weights: FoundWeights | None = None
    trial: Any = None
    generated: Any = None
    lock: threading.RLock = field(default_factory=threading.RLock, compare=False, repr=False)
    """Held while a change is applied: Streamlit stops a script in the midst of one, and starts the next run before the last has ended."""

    due: dict[str, float] = field(default_factory=dict)
    """When what need not be there for the first figure of a page of the laboratory is to come, by the page; in seconds of the monotonic
    clock."""

    opened: str = ""
    """The page of the laboratory by which the tab was opened."""

    by_address: bool = False
    """Whether that is the page that is shown."""

    done: dict[str, str] = field(default_factory=dict)
    """What the browser asked for, name -> the id of the wish that was done last."""

    @contextmanager
    def once(self, name: str, wish: str) -> Iterator[bool]:
        """Whether this is not the wish of that name that was done last.  It is done at the end of the block, or tried in vain; a script run
        that is broken off within it leaves it to the next one.
        """
        with self.lock:
            if self.done.get(name) == wish:
                yield False
                return
            try:
                yield True
            except Exception:
                self.done[name] = wish
                raise
            self.done[name] = wish

    @contextmanager
    def asked(self, name: str, wish: Mapping[str, object] | None) -> Iterator[str | None]:
        """The value of a wish that has not been done yet, or None; otherwise as `once`."""
        if wish is None:
            yield None
            return
        with self.once(name, str(wish["id"])) as new:
            yield str(wish["value"]) if new else None

    @property
    def run(self) -> str | None:
        """The id to read the run with."""
        return self.control or self.watch

    @property
    def watching(self) -> bool:
        """Whether the run is somebody else's."""
        return self.run is not None and self.control is None

    @property
    def start(self) -> Experiment:
        """What the page's bare address runs."""
        return STARTS[self.page]


@dataclass
class Opened:
    """The recording of a training loop that this tab has opened.   problem: why its last file is none."""

    recording: Recording | None = None
    problem: str | None = None


def opened() -> Opened:
    """What the page 'Recording' shows."""
    if RECORDING not in st.session_state:
        st.session_state[RECORDING] = Opened()
    held: Opened = st.session_state[RECORDING]
    return held


def current(page: str = FIRST) -> Session:
    """The session of this page, made at its first run.  Each page of a tab has a run of its own, and keeps it while another is shown."""
    key = KEY if page == FIRST else f"{KEY} {page}"
    if key not in st.session_state:
        st.session_state[key] = Session(page=page, experiment=STARTS[page])
    held: Session = st.session_state[key]
    return held


def latest() -> Session:
    """The session of the live page that was shown last; the first page's where none was."""
    return current(st.session_state.get(LIVE, FIRST))


def came(page: str) -> bool:
    """Whether the visitor has just come here from another page of this tab."""
    before = st.session_state.get(PLACE, page)
    st.session_state[PLACE] = page
    if page in STARTS:
        st.session_state[LIVE] = page
    return bool(before != page)


def widget(key: str, default: Any = None) -> Any:
    """What a widget holds."""
    return st.session_state.get(key, default)


def set_widget(key: str, value: Any) -> None:
    """Put a value into a widget before it is drawn; a value that it already has is left alone."""
    if st.session_state.get(key) != value:
        st.session_state[key] = value


def query() -> dict[str, str]:
    """The page's query, as it stands in the address bar (of a key given twice, the last)."""
    return st.query_params.to_dict()


def set_query(values: Mapping[str, str]) -> None:
    """Rewrite the address bar, when it says something else."""
    if query() != dict(values):
        st.query_params.from_dict(dict(values))


def texts() -> Texts:
    """The texts in the browser's language."""
    return load(st.context.locale or DEFAULT_LANGUAGE)


def visitor() -> str:
    """Whose browser this is: the same for all its tabs; "" when it takes no cookies."""
    return st.context.cookies.get(VISITOR) or ""


def is_dark() -> bool:
    """Whether the browser shows the dark theme."""
    return bool(st.context.theme.type == "dark")
