"""The phase diagram's cost against one run of autograd for each of its cells:  python -m tests.benchmarks.phase

CPU seconds on one thread for 32 gains x 32 lengths up to 64; the diagram holds all 64 lengths.  Autograd is timed on a sample of cells,
as anybody would write it: `torch.nn`'s own module over T steps, the loss after the last, the gradient of the initial state.
"""

from __future__ import annotations

import statistics
import time

import numpy as np
import torch
from torch import Tensor, nn

from core.cells import CELLS
from core.experiment import Experiment
from core.measures.long_run import long_run
from core.measures.phase import first_errors
from core.model import SequenceModel
from core.tasks import TASKS, Task
from tests.core import oracle

GAINS, LENGTHS, LONGEST, SAMPLE = 32, 32, 64, 48


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread; {GAINS} gains x {LENGTHS} lengths up to {LONGEST}, hidden 32 and 64")
    print("| cell | hidden | diagram, s | autograd, s (from a sample) | ratio |\n|---|---|---|---|---|")
    for cell in CELLS:
        for hidden in (32, 64):
            experiment = Experiment(cell=cell, hidden=hidden)
            task = TASKS[experiment.task](experiment)
            gains = np.geomspace(0.1, 10, GAINS).tolist()
            for gain in gains[:2]:  # warm up
                first_errors(experiment.replace(gain=gain), task, LONGEST)
            begin = time.process_time()
            for gain in gains:
                first_errors(experiment.replace(gain=gain), task, LONGEST)
            ours = time.process_time() - begin
            sampled = np.random.default_rng(0)
            lengths = np.linspace(2, LONGEST, LENGTHS).astype(int)
            cells = [(float(sampled.choice(gains)), int(length)) for length in sampled.permutation(np.tile(lengths, 2))[:SAMPLE]]
            theirs = statistics.mean(one_cell(experiment.replace(gain=gain), task, length) for gain, length in cells) * GAINS * LENGTHS
            print(f"| {cell} | {hidden} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.3f} |")


def one_cell(experiment: Experiment, task: Task, length: int) -> float:
    """CPU seconds of one network under autograd."""
    model = SequenceModel.of_experiment(experiment, task)
    twin = oracle.Model(experiment.cell, model.weights)
    batch = long_run(task, length)
    start = torch.zeros(1, 1, experiment.hidden, dtype=torch.float64, requires_grad=True)
    state: Tensor | tuple[Tensor, Tensor] = (start, torch.zeros_like(start)) if experiment.cell == "lstm" else start
    begin = time.process_time()
    out, _ = twin.rnn(twin.embedding(batch.inputs), state)
    loss = nn.functional.cross_entropy(twin.readout(out[-1]), batch.targets[-1])
    torch.autograd.grad(loss, start)[0].norm().log10().item()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
