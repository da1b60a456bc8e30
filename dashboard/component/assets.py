"""Serves the component's own files, as they are: ES modules that import each other, a style sheet, a palette.

The address carries a version made from the files themselves, so that a browser may keep them for ever and still sees a change at once.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
from functools import cache
from pathlib import Path
from typing import Any

import streamlit
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount
from starlette.staticfiles import StaticFiles

ADDRESS = "/explorer"
FOLDER = Path(__file__).parent / "web"

IMPORT = re.compile(r'^import [^;]*? from "\./([\w.]+)";', re.MULTILINE)

# Some systems call .js text/plain, which browsers refuse as a module.
mimetypes.add_type("text/javascript", ".js")


def version() -> str:
    """Changes whenever one of the files does."""
    files = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in FOLDER.iterdir())
    return hashlib.sha256(repr(files).encode()).hexdigest()[:12]


def loader(module: str) -> str:
    """The JavaScript that mounts one of the modules.

    Streamlit sends inline JavaScript with every mount, so ours is a few lines that import the module from ROUTES; its address carries a
    version, so that a browser keeps it until it changes.  What it imports is asked for beforehand, all at once and not import by import.
    """
    needed = json.dumps(sorted(_imports(module)))
    return f"""
export default async (component) => {{
  const {{ base, version }} = component.data;
  const folder = `${{location.origin}}${{base}}{ADDRESS}/${{version}}/`;
  if (!document.head.querySelector(`link[href="${{folder}}{module}"]`)) {{
    for (const name of {needed}) {{
      document.head.append(Object.assign(document.createElement("link"), {{ rel: "modulepreload", href: folder + name }}));
    }}
  }}
  const module = await import(`${{folder}}{module}`);
  return module.default(component);
}};
"""


def _imports(module: str, known: frozenset[str] = frozenset()) -> frozenset[str]:
    """A module and all that it imports."""
    known |= {module}
    for imported in IMPORT.findall((FOLDER / module).read_text(encoding="utf-8")):
        if imported not in known:
            known |= _imports(imported, known)
    return known


@cache
def charts_code() -> str:
    """The file among Streamlit's own scripts that a page loads with its first Plotly chart, 4.7 MB; "" where none is found."""
    scripts = Path(streamlit.__file__).parent / "static" / "static" / "js"
    return next((path.name for path in scripts.glob("PlotlyChart.*.js")), "")


class _Kept(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable"
        return response


def prefix(base_path: str) -> str:
    """`server.baseUrlPath` as it stands before every path: "" or "/base"."""
    base = base_path.strip("/")
    return f"/{base}" if base else ""


_FILES = _Kept(directory=FOLDER)

ROUTES: list[BaseRoute] = [Mount(f"{base}{ADDRESS}/{{version}}", app=_FILES) for base in ("", "/{base:path}")]
"""Where the files are served; the second is for servers below a path of their host (Streamlit's `server.baseUrlPath`)."""
