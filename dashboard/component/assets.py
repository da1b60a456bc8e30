"""Serves the component's own files: ES modules that import each other, style sheets, a palette.  Pages load them as one module, BUNDLE,
and where there is a figure, the library that draws it.

The address carries a version made from the files themselves, so that a browser may keep them for ever and still sees a change at once.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import cache
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from dashboard.component.bundle import bundle

ADDRESS = "/explorer"
FOLDER = Path(__file__).parent / "web"
LIBRARY = Path(__file__).resolve().parents[2] / "assets" / "scripts" / "plotly-cartesian.min.js"
KEPT = {"Cache-Control": "public, max-age=31536000, immutable"}

BUNDLE, DRAWING = "modules.js", "plotly.js"
EAGER = b"//# allFunctionsCalledOnLoad\n"
"""Asks V8 to compile the functions of a script while it comes, on another thread, and not each when it is called for the first time
(https://v8.dev/blog/explicit-compile-hints); to others it is a comment."""
ENTRIES = ("explorer.js", "tab.js", "drawing.js", "plot.js")
"""The modules that are mounted."""

# Some systems call .js text/plain, which browsers refuse as a module.
mimetypes.add_type("text/javascript", ".js")


def version() -> str:
    """Changes whenever one of the files does, or how they are sent."""
    files = sorted((path.name, path.stat().st_size, path.stat().st_mtime_ns) for path in (*FOLDER.iterdir(), LIBRARY))
    return hashlib.sha256(repr((EAGER, files)).encode()).hexdigest()[:12]


def loader(module: str) -> str:
    """The JavaScript that mounts one of the modules.

    Streamlit sends inline JavaScript with every mount, so ours is a few lines that import the modules from ROUTES; their address carries a
    version, so that a browser keeps them until they change.
    """
    return f"""
export default async (component) => {{
  const {{ base, version }} = component.data;
  const {{ default: modules }} = await import(`${{location.origin}}${{base}}{ADDRESS}/${{version}}/{BUNDLE}`);
  return modules["{module}"].default(component);
}};
"""


class _Kept(StaticFiles):
    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        response = super().file_response(*args, **kwargs)
        response.headers.update(KEPT)
        return response


@cache
def _bundle(_: str) -> bytes:
    """Of the version that the files have now."""
    return _packed(bundle(FOLDER, ENTRIES).encode())


@cache
def _library(_: str) -> bytes:
    return _packed(EAGER + LIBRARY.read_bytes())


def _packed(text: bytes) -> bytes:
    """Once for all visitors: packing half a megabyte for each would hold up the server's loop, and every live picture with it."""
    return gzip.compress(text, 9, mtime=0)


def _script(content: bytes) -> Response:
    return Response(content, media_type="text/javascript", headers={**KEPT, "Content-Encoding": "gzip"})


def _bundled(_: Request) -> Response:
    return _script(_bundle(version()))


def _drawing(_: Request) -> Response:
    return _script(_library(version()))


def prefix(base_path: str) -> str:
    """`server.baseUrlPath` as it stands before every path: "" or "/base"."""
    base = base_path.strip("/")
    return f"/{base}" if base else ""


_FILES = _Kept(directory=FOLDER)

ROUTES: list[BaseRoute] = [
    route
    for base in ("", "/{base:path}")
    for route in (
        Route(f"{base}{ADDRESS}/{{version}}/{BUNDLE}", _bundled),
        Route(f"{base}{ADDRESS}/{{version}}/{DRAWING}", _drawing),
        Mount(f"{base}{ADDRESS}/{{version}}", app=_FILES),
    )
]
"""Where the files are served; with a base for servers below a path of their host (Streamlit's `server.baseUrlPath`)."""
