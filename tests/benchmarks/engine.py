"""The engine's speed, as ratios measured side by side in one run, on one thread:  python -m tests.benchmarks.engine

Times are CPU seconds, medians over rounds in which the sides take turns.  `--only iteration,loop,lag,length,windows` picks tables.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Iterator

import torch
from torch import Tensor

from core import bptt
from core.lag_matrix import lag_matrix
from core.streaming import stream
from core.tasks import Batch
from core.truncation import TBPTT
from tests.benchmarks.sides import CELLS, SIZES, Bare, Loop, Ours, Size, side_by_side

DTYPES = ("float64", "float32")


def main() -> None:
    """Print the tables."""
    tables = {
        "iteration": iteration_against_bare,
        "loop": iteration_against_loop,
        "lag": lag_against_autograd,
        "windows": windows_against_full,
        "length": cost_per_step,
        "memory": memory_of_streaming,
    }
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(tables), help="tables, comma separated")
    parser.add_argument("--stream", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    if arguments.stream:
        print(peak_of_streaming(arguments.stream))
        return
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, one thread; sizes are (T, B, H, V)")
    for name in arguments.only.split(","):
        print()
        tables[name]()


def iteration_against_bare() -> None:
    """One training iteration with everything captured, against one of torch's fused module that captures nothing."""
    row("full capture / bare torch.nn", *map(str, SIZES))
    for dtype in DTYPES:
        for cell in CELLS:
            ratios = []
            for size in SIZES:
                ours = Ours(size.experiment(cell, dtype))
                captured, bare = side_by_side(ours.iteration, Bare(ours).iteration)
                ratios.append(f"{captured / bare:.2f}  ({1e3 * captured:.3g} / {1e3 * bare:.3g} ms)")
            row(f"{cell} {dtype}", *ratios)


def iteration_against_loop() -> None:
    """The same against a loop over torch's cell with `retain_grad` on every state; without and with the per-step shares."""
    row("cell loop with retain_grad / ours", *map(str, SIZES))
    for dtype in DTYPES:
        for cell in ("lstm", "gru"):
            ratios = []
            for size in SIZES:
                ours = Ours(size.experiment(cell, dtype))
                loop, states, captured = side_by_side(Loop(ours).iteration, ours.plain_iteration, ours.iteration)
                ratios.append(f"{loop / states:.1f}, with shares {loop / captured:.1f}")
            row(f"{cell} {dtype}", *ratios)


def lag_against_autograd() -> None:
    """The lag matrix of the whole batch, against T calls of `autograd.grad`."""
    row("T calls of autograd.grad / lag matrix", *map(str, SIZES))
    for dtype in DTYPES:
        for cell in ("lstm", "gru"):
            ratios = []
            for size in SIZES:
                ours = Ours(size.experiment(cell, dtype))
                seen = ours.look()
                calls, swept = side_by_side(Loop(ours).lag, lambda seen=seen: lag_matrix(seen.unrolled, seen.direct), rounds=3)
                ratios.append(f"{calls / swept:.1f}  ({1e3 * calls:.3g} / {1e3 * swept:.3g} ms)")
            row(f"{cell} {dtype}", *ratios)


def windows_against_full() -> None:
    """A training iteration under a sliding window and under chunks, against full BPTT."""
    row("truncated / full, LSTM float64", *map(str, SIZES))
    for truncation in ("chunk", "window"):
        for k in (4, 16):
            ratios = []
            for size in SIZES:
                full = Ours(size.experiment("lstm", "float64"))
                cut = Ours(size.experiment("lstm", "float64", truncation=truncation, k=min(k, size.steps)))
                truncated, whole = side_by_side(cut.plain_iteration, full.plain_iteration)
                ratios.append(f"{truncated / whole:.2f}")
            row(f"{truncation} K = {k}", *ratios)


def cost_per_step() -> None:
    """CPU microseconds a step of full BPTT, forward and back, for longer and longer sequences."""
    lengths = (64, 256, 1024, 4096)
    row("us a step, full BPTT, B = 8, H = 64", *(f"T = {steps}" for steps in lengths), "largest / smallest")
    for cell in CELLS:
        ours = Ours(Size(16, 8, 64, 64).experiment(cell, "float64"))
        calls = []
        for steps in lengths:
            x, direct = torch.randn(2, steps, 8, 64, dtype=torch.float64)
            ahead = bptt.Forward(ours.model.cell, ours.model.layers, x)
            back = bptt.Backward(ahead.finish(), direct)
            calls.append(lambda ahead=ahead, back=back, x=x, direct=direct: there_and_back(ahead, back, x, direct))
        costs = [1e6 * seconds / steps for seconds, steps in zip(side_by_side(*calls, seconds=2), lengths, strict=True)]
        row(cell, *(f"{cost:.1f}" for cost in costs), f"{max(costs) / min(costs):.2f}")


def memory_of_streaming() -> None:
    """Peak memory of a process that streams TBPTT(16, 32) over longer and longer sequences; each length in a process of its own."""
    lengths = (4096, 16384, 65536)
    row("peak MB, streaming TBPTT(16, 32)", *(f"T = {steps}" for steps in lengths))
    peaks = []
    for steps in lengths:
        command = [sys.executable, "-m", "tests.benchmarks.engine", "--stream", str(steps)]
        peaks.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip())
    row("lstm", *peaks)


def peak_of_streaming(steps: int) -> str:
    """The peak memory of this process after streaming so many steps, in MB."""
    ours = Ours(Size(16, 8, 64, 64).experiment("lstm", "float64"))

    def segments() -> Iterator[Batch]:
        for number in range(steps // 64):
            yield random_batch(64, seed=number)

    for _ in stream(ours.model, ours.task, segments(), TBPTT(16, 32)):
        pass
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f}"


@torch.inference_mode()
def there_and_back(ahead: bptt.Forward, back: bptt.Backward, x: Tensor, direct: Tensor) -> None:
    """A pass in kept room."""
    ahead.begin(x)
    back.begin(ahead.finish(), direct)
    back.finish()


def random_batch(steps: int, seed: int = 0) -> Batch:
    """Random tokens for the size (T, 8, 64, 64)."""
    tokens = torch.randint(4, 23, (steps + 1, 8), generator=torch.Generator().manual_seed(seed))
    return Batch(tokens[:-1], tokens[1:], torch.ones(steps, 8, dtype=torch.bool), torch.full((8,), steps))


def row(first: str, *cells: str) -> None:
    """One line of a Markdown table."""
    print(f"| {first} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
