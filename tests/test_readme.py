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


def test_the_example_runs_and_prints_what_is_shown():
    (example,), (shown,) = blocks("python"), blocks("text")
    done = subprocess.run([sys.executable, "-W", "error", "-c", example], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == shown.split()


def test_the_files_that_it_names_exist():
    names = set(re.findall(r"\]\((?!http)([^)#]+)\)", README)) | set(re.findall(r"`((?:core|dashboard|tests|assets)/[\w/.]+)`", README))
    assert not {name for name in names if not (ROOT / name).exists()}


def test_the_settings_that_it_names_exist():
    named = set(re.findall(r"BPTT_([A-Z_]+)", README))
    assert named
    assert named <= {field.name.upper() for field in fields(Settings)}
