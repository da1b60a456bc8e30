"""The component's modules as one: the same exports, each module once and after what it imports."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.component import assets
from dashboard.component.bundle import bundle


def written(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, encoding="utf-8")
    return folder


def test_a_module_comes_once_and_after_what_it_imports(tmp_path: Path):
    folder = written(
        tmp_path,
        a_js='import { b } from "./b.js";\nimport {\n  c,\n} from "./c.js";\nexport default b + c;\n',
        b_js='import { c } from "./c.js";\nexport const b = c;\n',
        c_js='import one from "./one.json" with { type: "json" };\nexport async function c() {}\nexport class D {}\n',
        one_json='{"one": 1}\n',
    )
    text = bundle(folder, ("a.js", "b.js"))
    places = [text.index(f'modules["{name}"] = ') for name in ("one.json", "c.js", "b.js", "a.js")]
    assert places == sorted(places)
    assert text.count("modules[") == 8
    assert 'const { default: one } = modules["one.json"];\nasync function c() {}\nclass D {}\nreturn { c, D };' in text
    assert text.endswith("export default modules;\n")


def test_style_sheets_are_made_and_keep_their_text(tmp_path: Path):
    folder = written(tmp_path, a_js='import style from "./a.css" with { type: "css" };\n', a_css='p::before { content: "\\201c" }\n')
    assert 'modules["a.css"] = { default: sheet("p::before { content: \\"\\\\201c\\" }\\n") };' in bundle(folder, ("a.js",))


@pytest.mark.parametrize(
    "line", ["export { a };", 'import * as a from "./b.js";', 'import "./b.js";', 'export * from "./b.js";', "export let a = 1;"]
)
def test_a_form_that_is_not_known_is_refused(tmp_path: Path, line: str):
    with pytest.raises(ValueError, match=r"a\.js has a line of a form that is not known here: (import|export) "):
        bundle(written(tmp_path, a_js=f"{line}\n", b_js=""), ("a.js",))


def test_a_circle_is_refused(tmp_path: Path):
    folder = written(tmp_path, a_js='import { b } from "./b.js";\n', b_js='import { a } from "./a.js";\n')
    with pytest.raises(ValueError, match=r"in a circle: a\.js -> b\.js -> a\.js"):
        bundle(folder, ("a.js",))


def test_every_file_of_the_component_is_in_its_bundle():
    text = bundle(assets.FOLDER, assets.ENTRIES)
    assert [path.name for path in sorted(assets.FOLDER.iterdir()) if f'modules["{path.name}"] = ' not in text] == []
