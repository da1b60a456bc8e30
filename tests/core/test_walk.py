"""The pass one step at a time is the pass, and can stop anywhere."""

from __future__ import annotations

import itertools

import pytest
import torch

from core import passes
from core.bptt import Backward, Forward
from core.cells import CELLS
from core.hooks import Hooks
from core.model import SequenceModel
from core.passes import Pass
from core.tasks import TASKS
from core.truncation import TBPTT
from tests.core.stacks import flat

every_cell = pytest.mark.parametrize("kind", CELLS)
every_window = pytest.mark.parametrize("windows", [TBPTT(6, 6), TBPTT(2, 2), TBPTT(1, 3), TBPTT(2, 5)], ids=str)


def parts(small, kind):
    experiment = small.replace(cell=kind)
    task = TASKS["sentences"](experiment)
    return SequenceModel.of_experiment(experiment, task), task, task.batch()


@every_cell
@every_window
def test_walking_is_running(small, kind, windows):
    model, task, batch = parts(small, kind)
    *_, walked = passes.walk(model, task, batch, windows)
    ran = passes.run(model, task, batch, windows)
    assert isinstance(walked, Pass)
    assert walked.loss == ran.loss
    assert torch.equal(walked.unrolled.h, ran.unrolled.h)
    back, again = walked.errors, ran.errors
    for one, other in ((back.dh, again.dh), (back.dc, again.dc), (back.da, again.da), (back.da_across, again.da_across)):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert torch.equal(flat(walked.gradient()), flat(ran.gradient()))


@every_window
def test_it_yields_every_step(small, windows):
    model, task, batch = parts(small, "lstm")
    yielded = list(passes.walk(model, task, batch, windows))
    steps = len(batch.inputs)
    assert [type(one) for one in yielded[:steps]] == [Forward] * steps
    # Windows move together: as many moves as the longest of them has steps.
    moves = max(len(span) for span in windows.windows(steps))
    back = [one for one in yielded if isinstance(one, Backward)]
    assert moves <= len(back) <= windows.k2
    assert len(yielded) == steps + len(back) + 1


def test_it_can_stop_in_the_middle_of_the_way_back(small):
    model, task, batch = parts(small, "gru")
    seen = []
    steps = len(batch.inputs)
    walk = passes.walk(model, task, batch, TBPTT(steps, steps), hooks=Hooks(lambda step: seen.append((step.phase, step.t))))
    back = list(itertools.islice(walk, steps + 2))[-1]
    assert isinstance(back, Backward)
    assert not back.done
    assert [t for phase, t in seen if phase == "backward"] == [steps, steps, steps - 1, steps - 1]
    weights = model.flat.clone()
    *_, walked = walk
    assert torch.equal(walked.errors.dh[0], passes.run(model, task, batch, TBPTT(steps, steps)).errors.dh[0])
    assert torch.equal(model.flat, weights)


def test_states_are_known_up_to_where_it_stands(small):
    model, task, batch = parts(small, "lstm")
    walk = passes.walk(model, task, batch, TBPTT(6, 6))
    ran = passes.run(model, task, batch, TBPTT(6, 6))
    for t in range(1, 4):
        ahead = next(walk)
        assert isinstance(ahead, Forward)
        assert ahead.t == t
        real = batch.mask[:t, :, None]
        assert torch.equal(ahead.unrolled.h[:t] * real, ran.unrolled.h[:t])
