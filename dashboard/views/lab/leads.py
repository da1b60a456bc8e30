"""Leads: experiments that show well what the one at hand may not show at all, each opened in a tab of its own."""

from __future__ import annotations

from urllib.parse import urlencode

import streamlit as st

from core.experiment import Experiment
from dashboard import address
from dashboard.examples import titled
from dashboard.starts import FIRST, STARTS
from dashboard.texts import Texts

LEADS = {
    "spikes": Experiment(text=titled("Remember a colour").text, cell="rnn_tanh"),
    "order": Experiment(task="order"),
    "echo": Experiment(task="echo"),
}
"""What the text of each claims holds for these experiments."""


def lead(name: str, here: str, say: Texts) -> None:
    """A link to one of them, on the page that shows it.   here: that page, which also is the one that offers it."""
    label = say(f"lab.leads.{name}")
    st.link_button(label, link(here, here, LEADS[name]), type="tertiary", icon=":material/open_in_new:", key=f"lead {name}")


def link(here: str, there: str, experiment: Experiment, start: Experiment = STARTS[FIRST]) -> str:
    """The address that starts an experiment on a page, seen from this one.   start: what the bare address of that page runs."""
    root = (st.context.url or "").rstrip("/").removesuffix(f"/{here}")
    query = address.write(experiment, start)
    return f"{root}/{'' if there == FIRST else there}" + (f"?{urlencode(query)}" if query else "")
