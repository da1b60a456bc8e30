"""Makes one ES module of many, so that a page asks for its code once and not forty times.

It knows the forms in which the component's modules are written, and no others: whole lines `import { a, b } from "./x.js";`,
`import value from "./x.json" with { type: "json" };`, the same with "css", and `export` in front of a function, a class, a const or, with
`default`, an expression.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

IMPORT = re.compile(r'^import (?:\{([^{}]*)\}|(\w+)) from "\./([\w.]+)"(?: with \{ type: "\w+" \})?;\n', re.MULTILINE)
NAMED = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
DEFAULT = re.compile(r"^export default ", re.MULTILINE)
UNKNOWN = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)

BEFORE = """const modules = {};
const sheet = (text) => {
  const made = new CSSStyleSheet();
  made.replaceSync(text);
  return made;
};
"""


def bundle(folder: Path, entries: Iterable[str]) -> str:
    """JavaScript whose default export is an object, file name -> exports, of these modules and all that they import.

    Each is evaluated once, after what it imports.  ValueError where modules import each other in a circle, or are written in another form.
    """
    made: dict[str, str] = {}
    for entry in entries:
        _add(folder, entry, made, ())
    return "".join([BEFORE, *made.values(), "export default modules;\n"])


def _add(folder: Path, name: str, made: dict[str, str], importers: tuple[str, ...]) -> None:
    if name in importers:
        raise ValueError(f"Modules import each other in a circle: {' -> '.join((*importers, name))}.")
    if name in made:
        return
    text = (folder / name).read_text(encoding="utf-8")
    if name.endswith(".js"):
        for _, _, imported in IMPORT.findall(text):
            _add(folder, imported, made, (*importers, name))
    made[name] = f'modules["{name}"] = {_exports(name, text)};\n'


def _exports(name: str, text: str) -> str:
    """An expression: the object of what a file exports."""
    if name.endswith(".json"):
        return f"{{ default: {text.strip()} }}"
    if name.endswith(".css"):
        return f"{{ default: sheet({json.dumps(text)}) }}"
    exported = NAMED.findall(text)
    body = IMPORT.sub(_taken, NAMED.sub("", text))
    body, defaults = DEFAULT.subn("const exported = ", body)
    if unknown := UNKNOWN.search(body):
        raise ValueError(f"{name} has a line of a form that is not known here: {unknown[0]}")
    return f"(() => {{\n{body}return {{ {', '.join([*exported, *['default: exported'] * defaults])} }};\n}})()"


def _taken(line: re.Match[str]) -> str:
    """An import line as what it means among the modules that are there."""
    names, default, file = line.groups()
    return f'const {{ {names.strip() if names else f"default: {default}"} }} = modules["{file}"];\n'
