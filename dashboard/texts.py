"""Texts: every sentence of the page that is not an Experiment's own, by key, from `assets/texts/<language>.toml`.

Also the one place where text that people typed is made safe to show: `literal` for Streamlit's Markdown and `in_chart` for Plotly, each of
which would otherwise interpret part of it.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "texts"
DEFAULT_LANGUAGE = "en"

MARKDOWN = re.compile(r"([\\`*_{}\[\]()<>#+\-.!|~:$^=&/@])")
"""What Markdown, its directives (`:red[...]`), formulas, autolinks and HTML begin with."""


class Texts:
    """The lines of one language: `texts("inspect.title")`, `texts("status.found", count=3)`."""

    def __init__(self, language: str, lines: Mapping[str, str], subjects: Sequence[str] = ()) -> None:
        self.language = language
        self.lines = lines
        self.subjects = tuple(subjects)

    def about(self, *subjects: str) -> Texts:
        """The same texts where this is spoken of (see `Catalogue.subjects`): a line of the table [subject] stands before the one that it is
        named after, and one of an earlier subject before one of a later subject."""
        return Texts(self.language, self.lines, subjects)

    def __call__(self, key: str, **values: Any) -> str:
        """The line with its `{names}` filled in.  An unknown key raises KeyError: that is a mistake in the code."""
        told = (f"{subject}.{key}" for subject in self.subjects)
        line = self.lines[next((name for name in told if name in self.lines), key)]
        return line.format(**values) if values else line

    def count(self, thing: str, number: int) -> str:
        """So many of a thing of the table [counted]: "1 layer", "2 layers"."""
        return self(f"counted.{thing}" + ("" if number == 1 else "s"), count=f"{number:,}")


@cache
def load(language: str = DEFAULT_LANGUAGE) -> Texts:
    """The texts of a language ("en", "en-GB"); of the default one where there is no such file."""
    short = language.split("-", maxsplit=1)[0].lower()
    known = {file.stem for file in FOLDER.glob("*.toml")}
    chosen = short if short in known else DEFAULT_LANGUAGE
    lines = _flat(tomllib.loads((FOLDER / f"{DEFAULT_LANGUAGE}.toml").read_text(encoding="utf-8")))
    if chosen != DEFAULT_LANGUAGE:
        lines |= _flat(tomllib.loads((FOLDER / f"{chosen}.toml").read_text(encoding="utf-8")))
    return Texts(chosen, lines)


def literal(text: str) -> str:
    """Text that Streamlit's Markdown shows exactly as it was typed: no emphasis, link, directive, formula or HTML."""
    return re.sub(r"\s*\n\s*", " ", MARKDOWN.sub(r"\\\1", clean(text)))


def in_chart(token: str, longest: int = 14) -> str:
    """A token as a label or hover text in Plotly, which reads `<b>` and `&lt;` as HTML; long ones end in an ellipsis."""
    shown = token if len(token) <= longest else token[: longest - 1] + "…"
    return shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def shortened(text: str, longest: int = 40) -> str:
    """A sentence as it is named in another one: a long one ends in an ellipsis."""
    return clean(text if len(text) < longest else text[: longest - 1] + "…")


def clean(text: str) -> str:
    """Text without the control and direction-changing characters that would disturb the sentence around it."""
    return "".join(
        mark for mark in text if mark in "\n\t " or unicodedata.category(mark) not in ("Cc", "Cf", "Cs") or mark in "\u200c\u200d"
    )


def _flat(table: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    lines: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, Mapping):
            lines |= _flat(value, f"{prefix}{name}.")
        else:
            lines[prefix + name] = str(value)
    return lines
