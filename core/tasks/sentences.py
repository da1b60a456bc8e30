"""Sentences: predict each next token.  V vocabulary; otherwise letters as in `core.tasks.task`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from core import tokens
from core.experiment import Experiment, InvalidExperiment
from core.tasks.batch import Batch
from core.tasks.losses import cross_entropy
from core.tasks.task import Task
from core.tokens import BOS, EOS, PAD, UNK
from core.trace import Array, Axis


class Sentences(Task):
    """Predict each next token of each sentence.

    A sentence of n tokens has T = n + 1 steps: step t reads <bos> w_1 ... w_n and predicts w_1 ... w_n <eos>.
    """

    label = "Sentences"
    help = "Read a sentence token by token and predict each next one."
    options = ("text", "tokens", "embedding")
    inputs = None
    reads = writes = True
    silent = (PAD, BOS, UNK)

    def __init__(self, experiment: Experiment) -> None:
        self._tokens = experiment.tokens
        sentences = tokens.read(experiment.text, experiment.tokens)
        self.texts = tuple(sentence.text for sentence in sentences)
        self.vocabulary = tokens.vocabulary(sentences)
        self.labels = tuple(tokens.label(token) for token in self.vocabulary)
        self.coordinates = {"token": self.labels}
        self.outputs = len(self.vocabulary)
        self.sequences = len(sentences)
        self.lengths = tuple(len(sentence.tokens) + 1 for sentence in sentences)
        self._ids = {token: entry for entry, token in enumerate(self.vocabulary)}
        self._sentences = sentences
        self._all = _pad([[self._ids[token] for token in sentence.tokens] for sentence in sentences])

    def batch(self, indices: Sequence[int] | None = None) -> Batch:
        """All sentences (always the same Batch), or the named ones in that order, padded to the longest of them."""
        return self._all if indices is None else self._all.pick(indices)

    def axis(self, index: int) -> Axis:
        """Inputs <bos> w_1 ... w_n, targets w_1 ... w_n <eos>; a space is shown as ␣."""
        return _axis(self._sentences[index].tokens)

    def loss(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Cross-entropy, divided by the number of real steps of the batch, and its adjoint (`core.tasks.losses`).  outputs: (T, B, V)."""
        return cross_entropy(outputs, batch)

    def shown(self, outputs: Tensor, targets: Tensor) -> Mapping[str, Array]:
        """The probability of each token as the next one."""
        return {"probability": torch.softmax(outputs, -1).numpy()}

    def read(self, text: str) -> tuple[Batch, Axis, tuple[int, ...]]:
        """One sentence of the user's; tokens that training never showed become <unk>, as inputs and as targets.

        The axis has them as they were typed.  Steps are counted from 1, so that token n of the sentence is the input of step n + 1.
        Text beyond the bounds, or of more than one line, raises `InvalidExperiment`.
        """
        sentences = tokens.read(text, self._tokens)
        if len(sentences) > 1:
            raise InvalidExperiment({"text": f"Try one sentence at a time: line {sentences[1].line} begins another one."})
        parts = sentences[0].tokens
        ids = [self._ids.get(token, UNK) for token in parts]
        return _pad([ids]), _axis(parts), tuple(step for step, entry in enumerate(ids, 2) if entry == UNK)

    def write(self, ids: Iterable[int]) -> str:
        """Ids as a line of text: <pad>, <bos> and <eos> are left out, <unk> is written so."""
        return tokens.join((self.vocabulary[entry] for entry in ids if entry not in (PAD, BOS, EOS)), self._tokens)

    def begin(self, prompt: str) -> Tensor:
        return self.read(prompt)[0].inputs if prompt.strip() else torch.tensor([[BOS]])

    def goes_on(self, ids: Sequence[int]) -> bool:
        return ids[-1] != EOS


def _pad(sentences: Sequence[Sequence[int]]) -> Batch:
    """Token ids of each sentence -> the batch that reads <bos> first and predicts <eos> last."""
    lengths = torch.tensor([len(ids) + 1 for ids in sentences])
    inputs = torch.full((int(lengths.max()), len(sentences)), PAD)
    targets = inputs.clone()
    for column, ids in enumerate(sentences):
        inputs[: len(ids) + 1, column] = torch.tensor([BOS, *ids])
        targets[: len(ids) + 1, column] = torch.tensor([*ids, EOS])
    mask = torch.arange(len(inputs)).unsqueeze(1) < lengths
    return Batch(inputs, targets, mask, lengths)


def _axis(parts: Sequence[str]) -> Axis:
    labels = [tokens.label(part) for part in parts]
    specials = tokens.SPECIALS
    return Axis(inputs=(specials[BOS], *labels), targets=(*labels, specials[EOS]))
