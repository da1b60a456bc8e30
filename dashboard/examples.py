"""The texts that the page offers to begin with, read from `assets/sentences/examples.toml`.  No torch, no streamlit."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

_FILE = Path(__file__).resolve().parents[1] / "assets" / "sentences" / "examples.toml"


@dataclass(frozen=True, slots=True)
class Example:
    """A text to learn from.

    look_for: one line that says what it makes visible.   tokens: "word" or "character", as `Experiment.tokens`.
    text: one sentence a line, as `Experiment.text`.   source: where it comes from, and its licence.
    """

    title: str
    look_for: str
    tokens: str
    text: str
    source: str


def _read(file: Path) -> tuple[Example, ...]:
    with file.open("rb") as toml:
        entries = tomllib.load(toml)["example"]
    return tuple(Example(**entry | {"text": entry["text"].strip()}) for entry in entries)


EXAMPLES: tuple[Example, ...] = _read(_FILE)


def titled(title: str) -> Example:
    """One of them by its title."""
    return next(example for example in EXAMPLES if example.title == title)
