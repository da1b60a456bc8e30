"""What frames say of drawn tasks: what is known beforehand, and examinations, which are few while a run trains and up to date at rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from core.experiment import Experiment
from core.training import Trainer
from dashboard.live.frames import Picture, decode
from dashboard.live.settings import Settings
from dashboard.live.worker.examiner import Examiner
from dashboard.live.worker.live_trainer import LiveTrainer

SMALL = Experiment(task="order", length=10, examples=50, hidden=4, embedding=3)


def seen(experiment: Experiment, steps: int = 0) -> tuple[dict[str, Any], Any, Trainer]:
    """The axis message and the last frame of a run that was stepped by hand, and its trainer."""
    sent: list[tuple[Any, bytes]] = []
    trainer = Trainer(experiment)
    run = LiveTrainer(trainer, lambda message, block: sent.append((message, block)), Settings(), speed=None)
    for _ in range(steps):
        run.step()
    axis = next(message["axis"] for message, _ in sent if message["on"] == "axis")
    message, block = [each for each in sent if each[0]["on"] == "frame"][-1]
    picture = Picture(message["serial"], message["axis"], message["iteration"], message["header"], block[: message["picture"]])
    return axis, decode(picture.frame(block[message["picture"] :])), trainer


def test_a_drawn_task_says_what_is_known_and_how_the_network_does():
    axis, frame, trainer = seen(SMALL, steps=3)
    assert axis["known"] == {
        "score": "accuracy",
        "chance": {"loss": pytest.approx(np.log(4)), "accuracy": 0.25},
        "best": {},
        "guess": "any of the 4 orders",
    }
    examined = trainer.examine()
    assert frame.header["exam"] == {"iteration": 3, "value": examined.value, "sequences": examined.sequences}
    assert axis["vocabulary"] == ("XX", "XY", "YX", "YY")
    assert np.isnan(frame.values["true_probability"][:-1]).all()
    assert 0 < frame.values["true_probability"][-1] < 1


def test_numbers_are_answered_with_values_and_no_tokens():
    axis, frame, _ = seen(SMALL.replace(task="adding"))
    assert axis["values"] == ("sum",)
    assert "next_token" not in frame.values
    assert frame.values["output"].shape == (10, 1)


@pytest.mark.parametrize("fields", [{}, {"task": "series"}], ids=str)
def test_sentences_and_series_have_no_examination(fields: dict[str, Any]):
    axis, frame, _ = seen(Experiment(hidden=4, **fields))
    assert axis["known"] is None
    assert "exam" not in frame.header


def test_a_run_that_trains_is_examined_once_in_a_while_and_one_at_rest_at_once():
    trainer = Trainer(SMALL)
    examiner = Examiner(trainer, every=1.0)
    assert examiner.found(10.0, at_rest=False)["exam"]["iteration"] == 0
    trainer.run(5)
    assert examiner.found(10.5, at_rest=False)["exam"]["iteration"] == 0
    assert examiner.found(10.6, at_rest=True)["exam"]["iteration"] == 5
    trainer.run(2)
    assert examiner.found(11.0, at_rest=False)["exam"]["iteration"] == 5
    assert examiner.found(1000.0, at_rest=False)["exam"]["iteration"] == 7
