"""What a Recorder costs a training loop:  python -m tests.benchmarks.recorder

CPU seconds of ten iterations on one thread, with and without a Recorder (every=10), one after the other in one run; medians over rounds.
"""

from __future__ import annotations

import statistics
import time

import torch
from torch import nn

from core import Recorder

STEPS, BATCH, SIZE, ROUNDS = 64, 16, 64, 9


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, one thread; LSTM of 2 x {SIZE} units, {STEPS} steps x {BATCH} sequences, every=10")
    print("| dtype | alone, ms an iteration | followed | ratio |\n|---|---|---|---|")
    for dtype in (torch.float64, torch.float32):
        model = nn.LSTM(SIZE, SIZE, 2, dtype=dtype)
        x = torch.randn(STEPS, BATCH, SIZE, dtype=dtype, generator=torch.Generator().manual_seed(0))
        pairs = [(ten(model, x, None), ten(model, x, Recorder(model))) for _ in range(ROUNDS)][1:]
        alone, followed = (statistics.median(times) * 100 for times in zip(*pairs, strict=True))
        ratio = statistics.median(second / first for first, second in pairs)
        print(f"| {str(dtype).removeprefix('torch.')} | {alone:.1f} | {followed:.1f} | {ratio:.2f} |")


def ten(model: nn.LSTM, x: torch.Tensor, recorder: Recorder | None) -> float:
    """CPU seconds of ten iterations."""
    optimiser = torch.optim.SGD(model.parameters(), 0.01)
    begin = time.process_time()
    if recorder:
        recorder.__enter__()
    for _ in range(10):
        optimiser.zero_grad()
        loss = model(x)[0].square().mean()
        loss.backward()
        optimiser.step()
        if recorder:
            recorder.note(loss)
    if recorder:
        recorder.close()
    return time.process_time() - begin


if __name__ == "__main__":
    main()
