"""Trying a trained model: a text run through it, and tokens drawn from it.  The weights do not change."""

from __future__ import annotations

from collections.abc import Callable

import torch

from core import limits, passes
from core.experiment import InvalidExperiment
from core.model import SequenceModel
from core.observe import observe
from core.onward import Onward
from core.tasks import Task
from core.tokens import SPECIALS, UNK
from core.trial import Generated, Trial
from core.truncation import TBPTT


def try_text(model: SequenceModel, task: Task, text: str, windows: Callable[[int], TBPTT], iteration: int) -> Trial:
    """A pass over a text, and its Trace.  windows: the truncation for so many steps."""
    batch, axis, unknown = task.read(text)
    seen = passes.run(model, task, batch, windows(len(batch.inputs)))
    trace = observe(seen, seen.gradient(), [axis], slice(1), task, iteration=iteration, in_batch=False)
    beyond = 0 if model.positions is None else max(0, len(batch.inputs) - model.positions)
    return Trial(trace, seen.loss, unknown, beyond)


@torch.inference_mode()
def generate(model: SequenceModel, task: Task, tokens: int, temperature: float, seed: int, prompt: str) -> Generated:
    """Draw up to so many tokens after a prompt, from softmax(logits / temperature); 0 takes the likeliest, and tells its probability at
    temperature 1.  Ends early where the task says that a text ends, as at <eos>.

    `InvalidExperiment` for an argument out of bounds, or when the model has exploded.
    """
    problems = {}
    if type(tokens) is not int or not 1 <= tokens <= limits.GENERATED_TOKENS:
        problems["tokens"] = f"Tokens must be a whole number from 1 to {limits.GENERATED_TOKENS}, not {tokens}."
    if not 0 <= temperature <= limits.TEMPERATURE:
        problems["temperature"] = f"Temperature must be a number from 0 to {limits.TEMPERATURE:g}, not {temperature:g}."
    if type(seed) is not int or not 0 <= seed <= limits.SEED:
        problems["seed"] = f"Seed must be a whole number from 0 to {limits.SEED}, not {seed}."
    if problems:
        raise InvalidExperiment(problems)
    generator = torch.Generator().manual_seed(seed)
    read = task.begin(prompt)
    onward = Onward(model)
    before, ids, probabilities = read[:, 0].tolist(), list[int](), list[float]()
    while len(ids) < tokens and task.goes_on([*before, *ids]):
        # float64: a small temperature is 0 in float32.
        logits = onward.read(read)[0].double()
        if not logits.isfinite().all():
            raise InvalidExperiment({"prompt": "The network cannot write: its numbers are not finite any more. Restart it."})
        logits[list(task.silent)] = -torch.inf
        logits -= logits.max()
        chances = torch.softmax(logits / temperature if temperature else logits, -1)
        token = int(torch.multinomial(chances, 1, generator=generator) if temperature else chances.argmax())
        ids.append(token)
        probabilities.append(chances[token].item())
        read = torch.tensor([[token]])
    labels = tuple(task.labels[token] for token in ids)
    unknown = sum(task.labels[token] == SPECIALS[UNK] for token in before)
    return Generated(labels, tuple(probabilities), task.write(ids), not task.goes_on([*before, *ids]), unknown)
