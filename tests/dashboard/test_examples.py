"""Examples: each of them can be learned, and says what to look for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from core.experiment import DEFAULT_TEXT, Experiment
from core.tasks import Sentences
from dashboard.examples import EXAMPLES, Example
from tests.serving import ROOT

each = pytest.mark.parametrize("shown", EXAMPLES, ids=lambda shown: shown.title)


def test_the_first_example_is_the_default_text():
    assert (EXAMPLES[0].text, EXAMPLES[0].tokens) == (DEFAULT_TEXT, Experiment().tokens)
    assert len({shown.title for shown in EXAMPLES}) == len(EXAMPLES)


@each
def test_an_example_is_a_text_within_bounds(shown: Example):
    task = Sentences(Experiment(text=shown.text, tokens=shown.tokens))
    assert task.texts == tuple(shown.text.split("\n"))
    assert max(task.lengths) <= 50, "more steps than a picture of single steps can show"


@each
def test_an_example_says_what_to_look_for_and_whose_it_is(shown: Example):
    assert "\n" not in shown.look_for
    assert shown.look_for.endswith(".")
    assert len(shown.look_for) <= 240
    assert len(shown.title) <= 40
    assert shown.source.endswith(("public domain.", "MIT licence."))


def test_examples_are_found_from_anywhere(tmp_path: Path):
    code = "from dashboard.examples import EXAMPLES; assert EXAMPLES"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(ROOT)})
    assert done.returncode == 0
