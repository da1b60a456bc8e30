"""Drawn tasks are what their sources say, and chance earns what is claimed: each computed here in another way."""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import cache

import numpy as np
import pytest
import torch

from core import limits
from core.experiment import Experiment, InvalidExperiment
from core.tasks import TASKS, Drawn
from core.tasks.copying import BLANK, GO
from core.tasks.reber import SYMBOLS
from core.training import Trainer
from tests.core.drawn import DRAWN, Model, small

every_drawn = pytest.mark.parametrize("name", DRAWN)


def made(name: str, **fields: object) -> Drawn:
    task = TASKS[name](Experiment(**{"task": name, "examples": 4000} | fields))
    assert isinstance(task, Drawn)
    return task


def earned(task: Drawn, outputs: torch.Tensor) -> tuple[float, float]:
    """(loss, score) of these outputs for the whole pool."""
    batch = task.batch()
    losses, _ = task.loss(outputs, batch)
    marks, counted = task.marks(outputs, batch)
    return float(losses.sum()), float(marks[counted].double().mean())


def strings(task: Drawn) -> list[str]:
    """The pool of a grammar as text."""
    return ["".join(axis.inputs) + axis.targets[-1] for axis in map(task.axis, range(task.sequences))]


# ---- what is drawn ----------------------------------------------------------------------------------------------------------------


def test_copy_memory_is_that_of_arjovsky():
    """n symbols, d - 1 blanks, a sign, n blanks; T + n blanks, then the symbols, where their T is our d."""
    task = made("copy", items=10, delay=7, examples=50)
    batch = task.batch()
    assert (task.steps, task.outputs, len(task.vocabulary)) == (27, 9, 10)
    for inputs, targets in zip(batch.inputs.T.tolist(), batch.targets.T.tolist(), strict=True):
        assert inputs[10:] == [BLANK] * 6 + [GO] + [BLANK] * 10
        assert max(inputs[:10]) < BLANK
        assert targets == [BLANK] * 17 + inputs[:10]
    assert batch.with_loss.all()


def test_an_echo_comes_back_after_the_delay():
    batch = made("echo", length=9, delay=4, examples=50).batch()
    for inputs, targets in zip(batch.inputs.T.tolist(), batch.targets.T.tolist(), strict=True):
        assert targets == [BLANK] * 4 + inputs[:5]


@pytest.mark.parametrize("steps", [2, 7, 20])
def test_two_numbers_are_marked_one_in_each_half(steps):
    batch = made("adding", length=steps, examples=500).batch()
    numbers, marks = batch.inputs.unbind(-1)
    half = steps // 2
    assert (marks[:half].sum(0) == 1).all()
    assert (marks[half:].sum(0) == 1).all()
    assert ((numbers >= 0) & (numbers < 1)).all()
    for column in range(20):
        assert float(batch.targets[-1, column, 0]) == pytest.approx(sum(numbers[marks[:, column] > 0, column].tolist()), rel=1e-15)
    assert batch.real == 500
    assert batch.with_loss[-1].all()


@pytest.mark.parametrize("steps", [10, 20, 100])
def test_temporal_order_is_that_of_hochreiter_and_schmidhuber(steps):
    """E, noise with X or Y at two places, B.  At T = 100 the places are 10 to 20 and 50 to 60."""
    task = made("order", length=steps, examples=2000)
    batch, places = task.batch(), (set(), set())
    for index in range(task.sequences):
        axis = task.axis(index)
        found = [(t, symbol) for t, symbol in enumerate(axis.inputs) if symbol in "XY"]
        assert re.fullmatch("E[abcdXY]+B", "".join(axis.inputs))
        assert axis.targets[-1] == "".join(symbol for _, symbol in found)
        assert set(axis.targets[:-1]) == {"–"}
        for place, (t, _) in zip(places, found, strict=True):
            place.add(t)
    assert [(min(place), max(place)) for place in places] == [(steps // 10, steps // 5), (steps // 2, 3 * steps // 5)]
    share = np.bincount(batch.targets[-1].numpy(), minlength=4) / 2000
    assert abs(share - 0.25).max() < 5 * math.sqrt(0.25 * 0.75 / 2000)


INNER = r"B(TS*X(S|X(T*VPX)*T*V(V|PS))|P(T*VPX)*T*V(V|PS))E"
"""The simple grammar as a regular expression, made by hand from Reber's picture."""


def test_reber_strings_are_those_of_the_grammar():
    for string in strings(made("reber")):
        assert re.fullmatch(INNER, string)
    for string in strings(made("embedded_reber")):
        assert re.fullmatch(f"BT{INNER}TE|BP{INNER}PE", string)


def test_every_short_string_of_the_grammar_is_drawn_as_often_as_it_should_be():
    drawn = Counter(strings(made("reber", examples=20_000)))
    for string, share in (("BTXSE", 1 / 8), ("BPVVE", 1 / 8), ("BTSXSE", 1 / 16), ("BPTVVE", 1 / 16), ("BPVPSE", 1 / 16)):
        assert drawn[string] / 20_000 == pytest.approx(share, abs=5 * math.sqrt(share / 20_000))


@pytest.mark.parametrize(
    ("fields", "lag"),
    [
        ({"task": "echo", "length": 9, "delay": 4}, 4),
        ({"task": "copy", "items": 3, "delay": 5}, 8),
        ({"task": "order", "length": 30}, 11),
        ({"task": "adding"}, 0),
    ],
    ids=str,
)
def test_the_lag_of_a_task_is_the_shortest_over_which_an_answer_hangs_on_what_was_read(fields, lag):
    """From the sequences themselves: where a symbol is said again, and where the last mark stands."""
    task = made(fields["task"], examples=2000, **{name: value for name, value in fields.items() if name != "task"})
    assert task.lag == lag
    batch = task.batch()
    if fields["task"] == "order":
        marks = batch.inputs >= task.vocabulary.index("X")
        assert min(task.steps - 1 - int(column.nonzero().max()) for column in marks.T) == lag
    elif lag:
        said = batch.targets[lag:] != BLANK
        assert (batch.targets[lag:] == batch.inputs[:-lag])[said].all()


# ---- what chance earns ------------------------------------------------------------------------------------------------------------


def confident(batch_targets: torch.Tensor, answers: int) -> torch.Tensor:
    """Logits that are sure of these answers."""
    return 1e4 * torch.nn.functional.one_hot(batch_targets, answers).double()


@pytest.mark.parametrize(("name", "fields"), [("copy", {"items": 10, "delay": 20}), ("copy", {}), ("echo", {}), ("echo", {"delay": 19})])
def test_saying_blanks_and_guessing_earns_chance(name, fields):
    task = made(name, **fields)
    targets = task.batch().targets
    outputs = confident(targets, 9)
    outputs[targets != BLANK] = torch.tensor([0.0] * 8 + [-1e4], dtype=torch.float64)
    assert earned(task, outputs)[0] == pytest.approx(task.chance["loss"], rel=1e-12)
    if fields == {"items": 10, "delay": 20}:
        assert task.chance["loss"] == pytest.approx(10 * math.log(8) / 40), "10 ln 8 / (T + 20), Arjovsky, Shah & Bengio 2016"
    outputs[targets != BLANK] = confident(torch.tensor([3]), 9)
    judged = int((targets != BLANK).sum())
    assert earned(task, outputs)[1] == pytest.approx(task.chance["accuracy"], abs=5 * math.sqrt(1 / 8 / judged))


def test_always_saying_one_earns_a_sixth():
    task = made("adding", examples=20_000)
    loss, score = earned(task, torch.ones(20, 20_000, 1, dtype=torch.float64))
    assert loss == pytest.approx(score, rel=1e-12)
    # The square of a triangular variable has mean 1/6 and variance 1/15 - 1/36.
    assert loss == pytest.approx(1 / 6, abs=5 * math.sqrt((1 / 15 - 1 / 36) / 20_000))
    assert task.chance == {"loss": pytest.approx(1 / 6), "squared error": pytest.approx(1 / 6)}


def test_guessing_the_order_earns_a_quarter():
    task = made("order")
    loss, score = earned(task, torch.zeros(20, 4000, 4, dtype=torch.float64))
    assert loss == pytest.approx(task.chance["loss"], rel=1e-12) == pytest.approx(math.log(4))
    assert score == pytest.approx(task.chance["accuracy"], abs=5 * math.sqrt(0.1875 / 4000))


BEGINNINGS = {
    0: "",
    1: "B",
    2: "BTS*",
    3: "B(P|TS*XX)(T|VPX)*",
    4: "B(TS*X|P(T|VPX)*VP|TS*XX(T|VPX)*VP)",
    5: "B(P|TS*XX)(T|VPX)*V",
    6: "B.*(VV|XS|PS)",
    7: INNER,
}
"""The states of the simple grammar, and what leads there."""


@cache
def state(beginning: str) -> int:
    """The state of the simple grammar after a beginning."""
    (found,) = (number for number, begins in BEGINNINGS.items() if re.fullmatch(begins, beginning))
    return found


def inside(string: str, t: int) -> object:
    """The same of the embedded grammar: its second symbol, and where the string within it is."""
    return (t, "", 0) if t < 2 else (t == len(string) - 1, string[1], state(string[2 : min(t, len(string) - 2)]))


@pytest.mark.parametrize(("name", "known"), [("reber", lambda string, t: state(string[:t])), ("embedded_reber", inside)])
def test_what_the_automaton_promises_is_what_its_strings_show(name, known):
    """From 20,000 strings, whose next symbols are counted: after each state for the best, after what chance knows for chance.

    The mean of so many counts is off by well under 0.01.
    """
    task = made(name, examples=20_000)
    pool = Counter(strings(task))
    places = [(string, t, often) for string, often in pool.items() for t in range(1, len(string))]
    steps = sum(often for *_, often in places)
    allowed: dict[object, set[str]] = {}
    for string, t, _ in places:
        allowed.setdefault(known(string, t), set()).add(string[t])

    def earns(knows) -> tuple[float, float]:
        after: dict[object, Counter[str]] = {}
        legal: dict[object, Counter[str]] = {}
        for string, t, often in places:
            after.setdefault(knows(string, t), Counter())[string[t]] += often
            legal.setdefault(knows(string, t), Counter()).update(dict.fromkeys(allowed[known(string, t)], often))
        loss = -sum(n * math.log(n / counts.total()) for counts in after.values() for n in counts.values()) / steps
        return loss, sum(max(counts.values()) for counts in legal.values()) / steps

    best = earns(known)
    assert task.best["loss"] == pytest.approx(best[0], abs=0.01)
    if name == "reber":
        assert task.best["accuracy"] == best[1] == 1
        assert (task.chance["loss"], task.chance["accuracy"]) == pytest.approx(earns(lambda string, t: string[t - 1]), abs=0.01)
    else:
        # Who has forgotten the second symbol pays ln 2 once in each string.
        forgotten = math.log(2) * pool.total() / steps
        assert task.chance["loss"] - task.best["loss"] == pytest.approx(forgotten, rel=0.02)
        assert task.chance["accuracy"] == 0.5


def test_embedded_reber_marks_the_last_symbol_but_one_alone():
    task = made("embedded_reber", examples=100)
    batch = task.batch()
    judged = task.judged(batch)
    assert (judged.sum(0) == 1).all()
    assert [SYMBOLS[entry] for entry in batch.targets.T[judged.T].tolist()] == [string[1] for string in strings(task)]


def test_reber_is_marked_by_what_the_grammar_allows():
    task = made("reber", examples=300)
    batch = task.batch()
    assert earned(task, confident(batch.targets, 7))[1] == 1
    always_v = confident(torch.full_like(batch.targets, SYMBOLS.index("V")), 7)
    marks, counted = task.marks(always_v, batch)
    for index, string in enumerate(strings(task)):
        for t in range(len(string) - 1):
            begun = string[: t + 1] + "V"
            possible = any(re.fullmatch(INNER, begun + rest) for rest in ("E", "VE", "PSE"))
            assert bool(marks[t, index]) == possible, begun
    assert int(counted.sum()) == batch.real


# ---- pools and examinations -------------------------------------------------------------------------------------------------------


@every_drawn
def test_the_seed_fixes_both_pools(name):
    first, second, other = (TASKS[name](small(name, seed=seed, hidden=hidden)) for seed, hidden in ((3, 5), (3, 9), (4, 5)))
    for pool in (lambda task: task.batch(), lambda task: task.examination):
        assert torch.equal(pool(first).inputs, pool(second).inputs)
        assert torch.equal(pool(first).targets, pool(second).targets)
        assert pool(first).inputs.shape != pool(other).inputs.shape or not torch.equal(pool(first).inputs, pool(other).inputs)


@pytest.mark.parametrize("name", ["copy", "echo", "adding", "order"])
def test_no_examination_sequence_is_learned_from(name):
    """Where there are many more sequences than are drawn.  (A grammar's short strings are few, and come in both pools.)"""
    task = made(name)
    pools = [{tuple(column.flatten().tolist()) for column in batch.inputs.unbind(1)} for batch in (task.batch(), task.examination)]
    assert len(pools[1]) == 500
    assert not pools[0] & pools[1]


@every_drawn
def test_an_examination_is_what_torch_says_and_disturbs_nothing(name):
    trainer, plain = Trainer(small(name)), Trainer(small(name))
    trainer.run(3)
    plain.run(3)
    weights = trainer.model.flat.clone()
    examined = trainer.examine()
    assert torch.equal(trainer.model.flat, weights)
    assert trainer.step().loss == plain.step().loss
    with torch.no_grad():
        trainer.model.flat.copy_(weights)
        model, batch = Model("lstm", trainer.model), trainer.task.examination
        assert examined.loss == pytest.approx(float(model.loss(batch)), rel=1e-12)
        marks, counted = trainer.task.marks(model.outputs(batch), batch)
    assert examined.value == pytest.approx(float(marks[counted].double().mean()), rel=1e-12)
    assert (examined.iteration, examined.sequences) == (3, len(batch.lengths))
    assert examined.words == f"{examined.score} {examined.value:.3g} (chance {trainer.task.chance[examined.score]:.3g})"


@pytest.mark.parametrize("fields", [{"attention": "dot", "heads": 2, "hidden": 6}, {"model": "transformer"}], ids=str)
@pytest.mark.parametrize("name", ["reber", "adding"])
def test_an_examination_in_parts_is_one_in_whole(name, fields, monkeypatch):
    trainer = Trainer(small(name, **fields))
    whole = trainer.examine()
    monkeypatch.setattr(limits, "ATTENTION_WEIGHTS", 50_000)
    parts = trainer.examine()
    assert parts.value == pytest.approx(whole.value, rel=1e-12)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-12)


@every_drawn
def test_without_a_number_an_update_reads_64(name):
    trainer = Trainer(small(name, batch=0, examples=100))
    read = []
    for _ in range(4):
        read.append(len(trainer._block.rows))
        trainer.step()
    assert read == [64, 36, 64, 36]
    few = Trainer(small(name, batch=0, examples=20))
    assert few._block.rows is None


def test_examinations_of_long_sequences_are_shorter():
    task = made("adding", length=500, examples=10)
    assert len(task.examination.lengths) == limits.EXAMINED_STEPS // 500


# ---- texts and bounds -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "inputs", "targets"),
    [
        ("copy", "3 1", "3 1 · · go · ·", "· · · · · 3 1"),
        ("echo", "1234", "1 2 3 4", "· · 1 2"),
        ("order", "aXbYc", "E a X b Y c B", "– – – – – – XY"),
        ("order", "EYYB", "E Y Y B", "– – – YY"),
        ("reber", "BTXSE", "B T X S", "T X S E"),
        ("embedded_reber", "EEB", "E E", "E B"),
    ],
)
def test_a_text_of_the_tasks_symbols_is_read(name, text, inputs, targets):
    trainer = Trainer(small(name))
    trial = trainer.try_text(text)
    assert trial.trace.axes[0].inputs == tuple(inputs.split())
    assert trial.trace.axes[0].targets == tuple(targets.split())
    assert trial.unknown == ()
    batch, _, _ = trainer.task.read(text)
    with torch.no_grad():
        expected = float(Model("lstm", trainer.model).loss(batch))
    assert trial.loss == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("copy", "19", "'9' is no symbol of this task: use 1 2 3 4 5 6 7 8."),
        ("copy", " ", "There is nothing to copy: type symbols from 1 to 8."),
        ("echo", "12", "Type more than 2 symbols: each is said 2 steps later."),
        ("order", "aXb", "X or Y must stand at two places; here they stand at 1."),
        ("reber", "B", "Type a string of at least two symbols, for example BTXSE."),
        ("reber", "BtE", "'t' is no symbol of this task: use B T S X P V E."),
        ("copy", "1" * 300, "300 symbols are too many; at most 256 are allowed."),
    ],
)
def test_a_text_that_cannot_be_read_gets_one_sentence(name, text, sentence):
    with pytest.raises(InvalidExperiment) as refused:
        Trainer(small(name)).try_text(text)
    assert refused.value.problems == {"text": sentence}


@pytest.mark.parametrize(
    ("name", "fields", "problems"),
    [
        ("order", {"length": 9}, {"length": "Temporal order needs at least 10 steps, not 9."}),
        ("echo", {"length": 10, "delay": 10}, {"delay": "Nothing is said within 10 steps at a delay of 10: choose 1 to 9."}),
        ("copy", {"items": 50, "delay": 500}, {"delay": "These sequences would have 600 steps; at most 512 are allowed."}),
        (
            "adding",
            {"length": 512, "examples": 20_000},
            {"examples": "There is room for 2,048 sequences of 512 steps, not for 20,000: draw fewer."},
        ),
    ],
    ids=str,
)
def test_what_makes_no_task_gets_one_sentence(name, fields, problems):
    with pytest.raises(InvalidExperiment) as refused:
        Trainer(Experiment(task=name, **fields))
    assert refused.value.problems == problems


@pytest.mark.parametrize("name", ["adding", "order"])
def test_blocks_without_a_loss_are_refused(name):
    with pytest.raises(InvalidExperiment, match="earlier blocks have no loss"):
        small(name, truncation="chunk", update_every="block")
    small("copy", truncation="chunk", update_every="block")


def test_a_trained_network_writes_strings_of_the_grammar():
    trainer = Trainer(Experiment(task="reber", hidden=12, seed=1, learning_rate=0.03))
    trainer.run(150)
    for seed in range(20):
        made = trainer.generate(60, temperature=0.5, seed=seed)
        assert made.ended
        assert re.fullmatch(INNER, "B" + made.text)
        assert made.text == "".join(made.tokens)
    begun = trainer.generate(60, temperature=0.5, prompt="BTX")
    assert re.fullmatch(INNER, "BTX" + begun.text)


def test_a_string_of_the_embedded_grammar_ends_with_its_second_end():
    trainer = Trainer(small("embedded_reber"))
    made = trainer.generate(200, temperature=10.0, seed=3)
    assert made.ended
    assert made.text.count("E") == 2
    assert made.text.endswith("E")
    assert not trainer.generate(1, seed=1).ended


def test_each_task_says_how_it_is_drawn_and_where_that_was_published():
    for name in DRAWN:
        assert re.search(r" (19|20)\d\d\b", TASKS[name].definition), name
    arrows = "Arrows: 0: B to 1; 1: T to 2, P to 3; 2: S to 2, X to 4; 3: T to 3, V to 5; 4: X to 3, S to 6; 5: P to 4, V to 6; 6: E to 7."
    assert arrows in TASKS["reber"].definition
    assert arrows in TASKS["embedded_reber"].definition
