"""What a study asks and finds survives the way to another process."""

from __future__ import annotations

import io
import math
import pickle
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pytest

from core.experiment import Experiment
from core.studies import STUDIES, pack, plain, unpack
from core.studies.study import Progress
from core.trace import Array
from core.training import Trainer


@dataclass(frozen=True)
class Inner:
    words: str
    values: Array


@dataclass(frozen=True)
class Outer:
    whole: int
    share: float
    yes: bool
    nothing: Inner | None
    something: Inner | None
    several: tuple[Inner, ...]
    pair: tuple[str, float]
    named: Mapping[str, Array]
    numbers: dict[str, float]


def test_everything_comes_back_as_it_was():
    inner = Inner("ünï", np.array([[1.0, math.nan], [math.inf, -0.0]]))
    flags = Inner("", np.array([True, False]))
    sent = Outer(
        whole=3,
        share=math.nan,
        yes=True,
        nothing=None,
        something=inner,
        several=(inner, flags),
        pair=("a", 0.5),
        named={"x": np.arange(3)},
        numbers={"array": 2.0, "b": math.inf},
    )
    came = unpack(Outer, pack(sent))
    assert (came.whole, came.yes, came.nothing, came.pair, came.numbers) == (3, True, None, ("a", 0.5), {"array": 2.0, "b": math.inf})
    assert math.isnan(came.share)
    assert isinstance(came.several[1], Inner)
    for one, other in ((came.something, inner), (came.several[0], inner), (came.several[1], flags)):
        assert one.words == other.words
        assert one.values.dtype == other.values.dtype
        np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_array_equal(came.named["x"], np.arange(3))


def test_bytes_that_would_run_code_are_not_read():
    out = io.BytesIO()
    np.savez(out, tree=np.array([pickle.dumps(print)], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        unpack(Inner, out.getvalue())


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_can_be_asked_with_its_defaults_and_sent(name: str):
    study = STUDIES[name]
    asked = study.asked()
    assert study.asked(**plain(asked)) == asked


def test_a_study_shows_what_it_has_found_last():
    last: Progress | None = None
    for last in STUDIES["truncation"].run(Trainer(Experiment()), STUDIES["truncation"].asked()):
        assert 0 <= last.done <= last.total
    assert last is not None
    assert last.done == last.total
    assert last.found is not None


def test_memory_against_k_is_weighed_and_without_truncation_grows_with_the_sequence():
    """Chunks of 4 steps hold as much of 80 steps as of 40; what cuts nothing holds twice as much."""
    weighed = {}
    for steps in (40, 80):
        *_, last = STUDIES["truncation"].run(Trainer(Experiment(text=" ".join("ab" * (steps // 2)))), STUDIES["truncation"].asked())
        found = last.found
        assert found.held.shape == (2, len(found.bias.ks))
        weighed[steps] = found.held[1]
    assert abs(weighed[80][3] / weighed[40][3] - 1) < 0.1
    assert 1.6 < weighed[80][-1] / weighed[40][-1] < 2.2


@pytest.mark.parametrize("fields", [{"attention": "dot"}, {"model": "transformer", "heads": 1}], ids=str)
def test_truncation_is_weighed_with_attention(fields):
    *_, last = STUDIES["truncation"].run(Trainer(Experiment(**fields)), STUDIES["truncation"].asked())
    assert last.done == last.total
    assert last.found.held.shape == (2, len(last.found.bias.ks))
    assert (last.found.held > 0).all()
    assert not [name for name in last.found.bias.weights if name.startswith(("readout", "attention", "block"))]
