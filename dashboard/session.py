"""Session: what one open page knows.  The only owner of `st.session_state`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from core.experiment import Experiment

KEY = "session"


@dataclass
class Session:
    """The run that this page controls, and what was typed but does not hold.

    control, watch: the run's ids, None until it is made.
    experiment: what the run runs now.
    drafts: field -> text that was typed and refused; it stays in its field until it is mended.
    problems: field -> the sentence that says why.
    notes: sentences for the top of the page, shown once.
    changed_live: the run was changed on its way, so that the link no longer reproduces its past.
    """

    control: str | None = None
    watch: str | None = None
    experiment: Experiment = field(default_factory=Experiment)
    drafts: dict[str, str] = field(default_factory=dict)
    problems: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    changed_live: bool = False

    def take_notes(self) -> list[str]:
        """The notes, which are then gone."""
        notes, self.notes = self.notes, []
        return notes


def current() -> Session:
    """The session of this page, made at its first run."""
    if KEY not in st.session_state:
        st.session_state[KEY] = Session()
    held: Session = st.session_state[KEY]
    return held


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
