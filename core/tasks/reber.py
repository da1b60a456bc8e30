"""Reber grammars: predict the next symbol of strings that a small automaton writes, choosing evenly wherever two arrows leave a state.

Reber 1967, "Implicit learning of artificial grammars"; Cleeremans, Servan-Schreiber & McClelland 1989, "Finite state automata and simple
recurrent networks"; embedded: Hochreiter & Schmidhuber 1997, "Long short-term memory" (experiment 1).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import torch
from torch import Tensor

from core.experiment import Experiment, InvalidExperiment
from core.tasks.batch import Batch
from core.tasks.drawn import Symbols
from core.tasks.losses import cross_entropy
from core.trace import Array

SYMBOLS = ("B", "T", "S", "X", "P", "V", "E")

Arrows = tuple[tuple[tuple[str, int], ...], ...]
"""For each state, the arrows that leave it: the symbol that is written, and the state that follows.  State 0 begins; the last one ends."""

SIMPLE: Arrows = (
    (("B", 1),),
    (("T", 2), ("P", 3)),
    (("S", 2), ("X", 4)),
    (("T", 3), ("V", 5)),
    (("X", 3), ("S", 6)),
    (("P", 4), ("V", 6)),
    (("E", 7),),
    (),
)


def _told(arrows: Arrows) -> str:
    """The arrows of each state, as a reader sees them."""
    states = (", ".join(f"{symbol} to {to}" for symbol, to in leaving) for leaving in arrows[:-1])
    return "Arrows: " + "; ".join(f"{state}: {leads}" for state, leads in enumerate(states)) + "."


def embedded() -> Arrows:
    """B, then T or P, then a string of the simple grammar, then the same T or P, then E: two copies of the simple grammar, one for each."""
    size = len(SIMPLE) - 1
    starts = {"T": 2, "P": 2 + size + 1}
    arrows: list[tuple[tuple[str, int], ...]] = [(("B", 1),), tuple(starts.items())]
    end = 2 + 2 * (size + 1) + 1
    for symbol, start in starts.items():
        arrows += [tuple((written, start + to) for written, to in leaving) for leaving in SIMPLE[:-1]]
        arrows.append(((symbol, end - 1),))
    return (*arrows, (("E", end),), ())


@dataclass(frozen=True)
class Automaton:
    """What can be computed of an automaton without drawing anything."""

    arrows: Arrows

    @property
    def end(self) -> int:
        return len(self.arrows) - 1

    @cached_property
    def visits(self) -> Array:
        """How often a string passes each state, on average: v = e_0 + P^T v."""
        size = len(self.arrows)
        moves = np.zeros((size, size))
        for state, leaving in enumerate(self.arrows):
            for _, to in leaving:
                moves[state, to] += 1 / len(leaving)
        visits: Array = np.linalg.solve(np.eye(size) - moves.T, np.eye(size)[0])
        return visits

    @property
    def steps(self) -> float:
        """Steps of a string on average: every symbol but the last is read."""
        return float(self.visits[: self.end].sum()) - 1

    def knowing(self, what: Callable[[str, int], object]) -> tuple[float, float]:
        """(cross-entropy a step, share of steps) of one who predicts as well as can be from `what` alone.

        what: of the symbol that was read last and the state after it.   share: of the steps whose best guess the grammar allows.
        """
        beliefs: dict[object, Array] = {}
        allowed: dict[object, Array] = {}
        for state, leaving in enumerate(self.arrows):
            for symbol, to in leaving:
                if to != self.end:
                    often = self.visits[state] / len(leaving)
                    known = what(symbol, to)
                    following = np.array([sum(written == s for written, _ in self.arrows[to]) for s in SYMBOLS])
                    beliefs[known] = beliefs.get(known, 0) + often * following / following.sum()
                    allowed[known] = allowed.get(known, 0) + often * (following > 0)
        together = np.array(list(beliefs.values()))
        p = together / together.sum(1, keepdims=True)
        loss = -(together * np.log(np.where(p > 0, p, 1))).sum() / self.steps
        return float(loss), float(sum(best.max() for best in allowed.values()) / self.steps)

    def draw(self, generator: np.random.Generator) -> list[int]:
        """One string, as ids."""
        state, string = 0, []
        while leaving := self.arrows[state]:
            symbol, state = leaving[generator.integers(len(leaving)) if len(leaving) > 1 else 0]
            string.append(SYMBOLS.index(symbol))
        return string

    @cached_property
    def table(self) -> tuple[Tensor, Tensor]:
        """(states + 1, symbols): the state after each symbol, and whether the grammar allows it.  The last row is for what has left it."""
        lost = len(self.arrows)
        moves = torch.full((lost + 1, len(SYMBOLS)), lost)
        for state, leaving in enumerate(self.arrows):
            for symbol, to in leaving:
                moves[state, SYMBOLS.index(symbol)] = to
        return moves, moves < lost


def forgetful(state: int) -> int:
    """A state of the embedded grammar, without knowing in which of the two copies."""
    return (state - 2) % len(SIMPLE) if 2 <= state < 2 + 2 * len(SIMPLE) else -1 - state


def _earned(loss_and_share: tuple[float, float]) -> Mapping[str, float]:
    return MappingProxyType(dict(zip(("loss", "accuracy"), loss_and_share, strict=True)))


class Grammar(Symbols):
    """Strings of an automaton; step t reads a symbol and predicts the next one, up to the E that ends the string."""

    options = ("examples", "embedding")
    vocabulary = labels = SYMBOLS
    writes = True
    automaton: Automaton

    def __init__(self, experiment: Experiment) -> None:
        self._fill(experiment, round(self.automaton.steps))

    def draw(self, generator: np.random.Generator, count: int) -> Batch:
        return _strings([self.automaton.draw(generator) for _ in range(count)])

    def _named(self, index: int) -> str:
        axis = self.axis(index)
        return "".join(axis.inputs) + axis.targets[-1]

    def loss(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross-entropy (`core.tasks.losses`).  It cannot fall below the automaton's own entropy: which arrow it takes is chance."""
        return cross_entropy(outputs, batch)

    def asked(self, ids: Sequence[int]) -> Batch:
        """A string of two symbols at least; the grammar need not allow it."""
        if len(ids) < 2:
            raise InvalidExperiment({"text": "Type a string of at least two symbols, for example BTXSE."})
        return _strings([list(ids)])

    def begin(self, prompt: str) -> Tensor:
        return torch.tensor(self._ids(prompt) or [SYMBOLS.index("B")])[:, None]


class Reber(Grammar):
    """The grammar itself.  An answer is right when the grammar allows the likeliest symbol."""

    label = "Reber grammar"
    help = "Predict the next symbol of strings that a small automaton writes; which of two arrows it takes is chance."
    definition = (
        f"Symbols that an automaton writes from state 0 to state {len(SIMPLE) - 1}, choosing evenly where two arrows leave a state. "
        f"{_told(SIMPLE)} Reber 1967; Cleeremans, Servan-Schreiber & McClelland 1989."
    )
    automaton = Automaton(SIMPLE)
    guess = "what mostly follows the last symbol"
    chance = _earned(automaton.knowing(lambda symbol, state: symbol))
    best = _earned(automaton.knowing(lambda symbol, state: state))

    def marks(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Whether the grammar allows the likeliest symbol."""
        moves, allowed = self.automaton.table
        guesses, state = outputs.argmax(-1), torch.zeros_like(batch.lengths)
        right = torch.zeros_like(batch.mask)
        for t, symbols in enumerate(batch.inputs):
            state = moves[state, symbols]
            right[t] = allowed[state, guesses[t]]
        return right, batch.mask

    def goes_on(self, ids: Sequence[int]) -> bool:
        return ids[-1] != SYMBOLS.index("E")


class EmbeddedReber(Grammar):
    """The last symbol but one repeats the second one, across a whole string of the simple grammar: what is marked is that symbol alone."""

    label = "Embedded Reber grammar"
    help = "A string of the Reber grammar between two equal symbols: the last symbol but one repeats the second."
    definition = (
        f"B, then T or P, then a string of the Reber grammar, then the same T or P, then E. {_told(SIMPLE)} Experiment 1 of Hochreiter & "
        "Schmidhuber 1997."
    )
    automaton = Automaton(embedded())
    guess = "knowing the grammar, but not its second symbol any more"
    chance = MappingProxyType({"loss": automaton.knowing(lambda symbol, state: forgetful(state))[0], "accuracy": 1 / 2})
    best = MappingProxyType({"loss": automaton.knowing(lambda symbol, state: state)[0]})

    def judged(self, batch: Batch) -> Tensor:
        """The step before the last, whose answer is the last symbol but one."""
        return torch.arange(len(batch.mask))[:, None] == batch.lengths - 2

    def goes_on(self, ids: Sequence[int]) -> bool:
        return list(ids).count(SYMBOLS.index("E")) < 2


def _strings(strings: Sequence[Sequence[int]]) -> Batch:
    """Strings as the batch that reads every symbol but the last, and predicts every one but the first."""
    lengths = torch.tensor([len(string) - 1 for string in strings])
    inputs = torch.zeros(int(lengths.max()), len(strings), dtype=torch.long)
    targets = inputs.clone()
    for column, string in enumerate(strings):
        inputs[: len(string) - 1, column] = torch.tensor(string[:-1])
        targets[: len(string) - 1, column] = torch.tensor(string[1:])
    return Batch(inputs, targets, torch.arange(len(inputs))[:, None] < lengths, lengths)
