#!/usr/bin/env python3
"""Train an LSTM on the yearly sunspot numbers, and record how errors travelled back in time while it learned.

    python assets/examples/record_lstm.py [iterations] [file]

An ordinary PyTorch training loop; the four lines with `recorder` are all that is added to it.  Open the file on the page "Recording", or
read it with `core.Recording.load`.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import torch
from torch import Tensor, nn

from core import Recorder

SUNSPOTS = Path(__file__).resolve().parents[1] / "series" / "sunspots.csv"
WINDOW, BATCH = 44, 16
"""Steps of a sequence, four cycles of the sun; sequences of an update."""


class Forecaster(nn.Module):
    """Reads a number a step, and says the next one."""

    def __init__(self, hidden: int = 32) -> None:
        super().__init__()
        self.lstm = nn.LSTM(1, hidden, num_layers=2, batch_first=True)
        self.readout = nn.Linear(hidden, 1)

    def forward(self, x: Tensor) -> Tensor:
        states, _ = self.lstm(x)
        return self.readout(states)


def main(iterations: int, path: str) -> None:
    """Train, and write the recording."""
    with SUNSPOTS.open() as file:
        values = torch.tensor([float(row[-1]) for row in list(csv.reader(file))[1:]])
    values = (values - values.mean()) / values.std()
    model, draw = Forecaster(), torch.Generator().manual_seed(0)
    optimiser = torch.optim.Adam(model.parameters(), lr=0.01)
    with Recorder(model, path, every=10) as recorder:
        for _ in range(iterations):
            starts = torch.randint(len(values) - WINDOW, (BATCH,), generator=draw)
            windows = torch.stack([values[start : start + WINDOW + 1] for start in starts]).unsqueeze(-1)
            loss = nn.functional.mse_loss(model(windows[:, :-1]), windows[:, 1:])
            optimiser.zero_grad()
            loss.backward()
            recorder.clip(1.0)
            optimiser.step()
            recorder.note(loss)
    recording = recorder.recording
    worst = max(trace.books["autograd"] for trace in recording.traces)
    print(f"{path}: loss {recording.history[0, 1]:.3f} -> {recording.history[-1, 1]:.3f}, {len(recording.traces)} iterations recorded.")
    print(f"Their gradients are autograd's to within {worst:.0e} of the largest entry.")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300, sys.argv[2] if len(sys.argv) > 2 else "recording.safetensors")
