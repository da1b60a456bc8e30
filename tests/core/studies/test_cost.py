"""What truncation saves: the bytes that are held and the time, against K, with attention and without."""

from __future__ import annotations

import math

import pytest

from core.experiment import Experiment
from core.measures.bias import SCHEMES
from core.studies.cost import Asked, Found, study
from core.training import Trainer


def found(**fields: object) -> Found:
    """Of one sentence of 65 characters; the last report."""
    trainer = Trainer(Experiment(text="abcd" * 16, tokens="character", hidden=16, cell="gru", **fields))
    *_, last = study(trainer, Asked())
    assert last.found is not None
    return last.found


@pytest.mark.parametrize("fields", [{}, {"attention": "dot"}, {"attention": "additive", "heads": 2}, {"model": "transformer"}], ids=str)
def test_a_short_chunk_holds_less(fields):
    seen = found(**fields)
    assert seen.ks == (1, 2, 4, 8, 16, 32, 64, 65)
    chunk = dict(zip(seen.ks, seen.held[SCHEMES.index("chunk")].tolist(), strict=True))
    assert chunk[8] < 0.6 * chunk[65]
    assert (seen.held > 0).all()
    assert all(math.isfinite(value) and value > 0 for value in seen.seconds.ravel())


def test_what_cuts_nothing_costs_both_schemes_the_same():
    seen = found(attention="dot")
    assert seen.held[0, -1] == seen.held[1, -1]
    assert seen.seconds[0, -1] == seen.seconds[1, -1]
    assert len(seen.to_frame()) == len(SCHEMES) * len(seen.ks)


def test_attention_keeps_the_states_that_it_reads():
    """Of each step one state of the top layer stays, whatever K is: at least 64 states of 16 numbers of 8 bytes."""
    with_it, without = found(attention="dot"), found()
    least = [seen.held[SCHEMES.index("chunk"), 0] for seen in (with_it, without)]
    assert least[0] - least[1] > 64 * 16 * 8
