"""Recordings in charts: what the Recorder writes is drawn by the charts of a run, in words of its own."""

from __future__ import annotations

import json

import pytest
import torch

from core import Recorder, Recording
from core.cells import CELLS
from dashboard.charts import CHARTS, Look, history

WITHOUT_LOSS = {"attention", "step_losses", "next_tokens"}
"""What a recording has nothing of."""


def recorded(cell: str) -> Recording:
    module = CELLS[cell].twin(2, 4, 2)
    generator = torch.Generator().manual_seed(0)
    with Recorder(module, every=2) as recorder:
        for _ in range(4):
            module.zero_grad()
            loss = module(torch.randn(6, 3, 2, generator=generator))[0].square().mean()
            loss.backward()
            recorder.note(loss)
    return Recording.from_bytes(recorder.recording.to_bytes())


@pytest.mark.parametrize("cell", CELLS)
def test_every_chart_that_fits_draws_it(cell: str):
    recording = recorded(cell)
    assert history.draw(recording.history, None, Look(subjects=("recording",))).words.startswith("The loss ")
    trace = recording.traces[-1].of(0)
    fitting = {name for name, chart in CHARTS.items() if chart.fits(trace)}
    assert fitting == CHARTS.keys() - WITHOUT_LOSS - (set() if CELLS[cell].gated else {"gates"})
    for name in fitting:
        assert CHARTS[name].exploded_at(trace) is None
        picture = CHARTS[name].draw(trace, Look(step=3, subjects=("recording",)))
        assert picture.words.endswith(".")
        assert not {"{", "token", "predicting", "sentence"} & set(picture.words.replace("'", " ").split())
        assert json.loads(picture.figure.to_json())["data"]
        assert len(trace.to_frame(*CHARTS[name].needs))


def test_the_words_speak_of_errors_that_enter():
    picture = CHARTS["lag_matrix"].draw(recorded("gru").traces[0].of(0), Look(step=5, subjects=("recording",)))
    assert "The error that enters at step '5'" in picture.words
