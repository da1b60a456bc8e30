"""The README's promises: its example runs, and the pictures, files and settings that it names exist."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields

from dashboard.live.settings import Settings
from tests.serving import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_examples_run_and_print_what_is_shown():
    own, experiment = blocks("python")
    assert run(own).split() == blocks("text")[0].split()
    assert len(run(experiment).splitlines()) == 6


def test_the_shares_of_the_example_add_up_to_the_gradient_of_autograd():
    own, _ = blocks("python")
    run(
        own
        + """
y, _ = lstm(x)
(y[-1] ** 2).sum().backward()
shares = trace.pick("share_projection", weight="rnn.weight_hh_l0")
assert abs(shares.sum() / lstm.weight_hh_l0.grad.norm().item() - 1) < 1e-10
"""
    )


def test_nothing_is_left_to_be_filled_in():
    assert not re.findall(r"^[A-Z_]{6,}$", README, re.MULTILINE)


def test_the_files_that_it_names_exist():
    names = set(re.findall(r"\]\((?!http)([^)#]+)\)", README)) | set(re.findall(r"`((?:core|dashboard|tests|assets)/[\w/.]+)`", README))
    assert not {name for name in names if not (ROOT / name).exists()}


def test_the_settings_that_it_names_exist():
    named = set(re.findall(r"BPTT_([A-Z_]+)", README))
    assert named
    assert named <= {field.name.upper() for field in fields(Settings)}
