"""The study of ways: what arrives where, in three networks on the same sequence, is what their lag matrices say."""

from __future__ import annotations

import numpy as np
import pytest

from core.studies import STUDIES, Refused, pack, unpack
from core.studies.ways import FAR, WAYS, Asked, Found, Kind, kinds, study
from core.training import Trainer


def result(trainer: Trainer, asked: Asked) -> Found:
    progress = list(study(trainer, asked))
    done = [one.done for one in progress]
    assert done == sorted(done)
    assert progress[-1].done == progress[-1].total
    assert progress[-1].found
    return progress[-1].found


@pytest.mark.parametrize("iterations", [0, 12])
@pytest.mark.parametrize("fields", [{}, {"model": "transformer", "hidden": 6}, {"attention": "additive"}], ids=str)
def test_each_kind_is_its_own_networks_lag_matrix(small, iterations, fields):
    own = small.replace(**fields)
    found = result(Trainer(own), Asked(iterations, 2))
    assert [kind.name for kind in found.kinds] == list(kinds(own))
    for kind, experiment in zip(found.kinds, kinds(own).values(), strict=True):
        assert kind.seeds == (3, 4)
        for seed, total in zip(kind.seeds, kind.total, strict=True):
            network = Trainer(experiment.replace(seed=seed))
            for _ in range(iterations):
                network.step()
            lag = network.peek().trace["lag_h"][-1, :, :, 0]
            rows = np.array([lag[s, s - 1] / lag[s, s] for s in range(1, len(total))])
            assert total[0] == 1
            assert total[1] == pytest.approx(rows.mean(), rel=1e-9)


def test_ways_that_a_network_does_not_have_are_absent(small):
    recurrent, attending, transformer = result(Trainer(small), Asked(0, 1)).kinds
    assert np.isnan(recurrent.attention).all()
    np.testing.assert_array_equal(recurrent.recurrence, recurrent.total)
    assert np.isnan(transformer.recurrence).all()
    np.testing.assert_array_equal(transformer.attention, transformer.total)
    # Norms do not add up, but a whole is never longer than its parts together.
    assert (attending.total[:, 1:] <= attending.attention[:, 1:] + attending.recurrence[:, 1:] + 1e-12).all()


def test_how_far_an_error_arrives():
    total = np.array([[1.0, 0.5, 2 * FAR, FAR / 2], [1.0, 0.5, 2 * FAR, FAR / 2]])
    assert Kind("recurrent", (0, 1), total, np.full_like(total, np.nan), total).arrives == 2
    assert Kind("recurrent", (), total[:0], total[:0], total[:0]).arrives == 0


def test_it_survives_the_way_to_another_process_and_leaves_as_a_table(small):
    found = result(Trainer(small), Asked(3, 2))
    again = unpack(STUDIES["ways"].found, pack(found))
    table = again.to_frame()
    assert list(table.columns) == ["model", "seed", "way", "lag", "error"]
    steps = len(found.kinds[0].way("total"))
    assert len(table[(table["model"] == "transformer") & (table["way"] == "total")]) == 2 * steps
    assert set(table[table["model"] == "recurrent"]["way"]) == {"total", "recurrence"}
    assert table["error"].notna().all()
    assert set(table["way"]) == set(WAYS)


def test_the_run_itself_is_left_alone(small):
    trainer = Trainer(small)
    trainer.run(2)
    before = trainer.model.flat.clone()
    result(trainer, Asked(5, 1))
    assert trainer.iteration == 2
    assert (trainer.model.flat == before).all()


def test_kinds_keep_the_experiments_own_attention(small):
    assert kinds(small.replace(attention="additive"))["attending"].attention == "additive"
    assert kinds(small.replace(heads=2))["transformer"].heads == 1, "five units cannot be shared by two"
    assert kinds(small.replace(model="transformer", hidden=6))["attending"].attention == "dot"


@pytest.mark.parametrize("bad", [{"iterations": -1}, {"iterations": 2001}, {"iterations": 1.5}, {"seeds": 0}, {"seeds": 11}], ids=str)
def test_what_cannot_be_asked_is_refused(bad):
    with pytest.raises(Refused, match="must be a whole number from"):
        Asked(**bad)
