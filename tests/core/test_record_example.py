"""The shipped example runs, learns, and writes a recording."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from core.recording import Recording
from tests.serving import ROOT


def test_the_example_records_its_training(tmp_path: Path):
    path = tmp_path / "run.safetensors"
    command = [sys.executable, "-W", "error", "assets/examples/record_lstm.py", "25", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    recording = Recording.load(path)
    assert recording.iterations == (1, 11, 21)
    assert len(recording.history) == 25
    assert recording.history[-1, 1] < recording.history[0, 1]
    assert "3 iterations recorded" in done.stdout
