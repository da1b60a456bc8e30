"""A Chromium in which nobody listens, so that a page costs there what it costs a visitor.

Playwright has the browser report every request, every frame of a socket and every exception, with the lines of the scripts that caused it.
To know the lines V8 parses those scripts once more: 0.45 s of the 2 s until a first figure stood (`V8.CollectSourcePositions` in a trace of
the page).  Browser tests want to know; what measures a page must not.  Here a page is only asked what JavaScript knows, over the DevTools
protocol, none of whose reports is turned on.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.browsing import FLAGS, SCREENS, chromium_path

PATIENCE = 60.0
"""Seconds that a browser has to start, and a page to answer."""
SCREEN = SCREENS["light"]["viewport"]
KEYS = {"Enter": 13, "Escape": 27}
"""Those that are pressed, with their numbers."""

MIDDLE = """(element) => {
    const { x, y, width, height } = element.getBoundingClientRect();
    return { x: x + width / 2, y: y + height / 2 };
}"""

CHOOSE = """(list, value) => {
    list.value = value;
    for (const name of ['input', 'change']) list.dispatchEvent(new Event(name, { bubbles: true }));
}"""


class Chromium:
    """Speaks with a running browser.   socket: of its DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    def ask(self, method: str, session: str | None = None, /, **params: Any) -> dict[str, Any]:
        """The answer to one command; what the browser tells unasked is passed over.   session: of a page, None for the browser's own."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params} | ({"sessionId": session} if session else {})))
        while True:
            heard = json.loads(self._socket.recv(PATIENCE))
            if heard.get("id") == number:
                break
        if "error" in heard:
            raise RuntimeError(f"{method}: {heard['error']['message']}")
        return dict(heard["result"])

    @contextlib.contextmanager
    def visitor(self) -> Iterator[Visitor]:
        """Somebody with nothing in the browser's cache, and an empty page."""
        profile = self.ask("Target.createBrowserContext")["browserContextId"]
        page = self.ask("Target.createTarget", url="about:blank", browserContextId=profile)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        self.ask("Emulation.setDeviceMetricsOverride", session, **SCREEN, deviceScaleFactor=1, mobile=False)
        try:
            yield Visitor(self, session)
        finally:
            self.ask("Target.disposeBrowserContext", browserContextId=profile)


class Visitor:
    """One page, and the hands of who sits before it."""

    def __init__(self, browser: Chromium, session: str) -> None:
        self._browser, self._session = browser, session

    def ask(self, method: str, /, **params: Any) -> dict[str, Any]:
        """The answer to one command of the protocol."""
        return self._browser.ask(method, self._session, **params)

    def open(self, address: str) -> None:
        """Go there; returns as soon as the page has begun to come."""
        failed = self.ask("Page.navigate", url=address).get("errorText")
        if failed:
            raise RuntimeError(f"{address}: {failed}")

    def evaluate(self, function: str, *values: Any) -> Any:
        """What a JavaScript function returns, or its promise comes to."""
        called = f"({function})({', '.join(map(json.dumps, values))})"
        found = self.ask("Runtime.evaluate", expression=called, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            raise RuntimeError(f"{function}: {found['exceptionDetails']['exception'].get('description')}")
        return found["result"].get("value")

    def seen(self, function: str) -> float:
        """Seconds from the page's beginning until this function said true, looked at before each of the browser's pictures."""
        wait = f"""() => new Promise((done) => {{
            const look = () => (({function})() ? done(performance.now() / 1000) : requestAnimationFrame(look));
            look();
        }})"""
        return float(self.evaluate(wait))

    def click(self, element: str) -> None:
        """Press the middle of an element, which this function returns, with the mouse."""
        at = self.evaluate(f"() => ({MIDDLE})(({element})())")
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            pressed = {} if kind == "mouseMoved" else {"button": "left", "clickCount": 1}
            self.ask("Input.dispatchMouseEvent", type=kind, **at, **pressed)

    def choose(self, element: str, value: str) -> None:
        """Take this value in a list, which this function returns."""
        self.evaluate(f"(value) => ({CHOOSE})(({element})(), value)", value)

    def fill(self, element: str, text: str) -> None:
        """Type this in place of what a field holds, which this function returns, and press Enter."""
        self.evaluate(f"() => {{ const field = ({element})(); field.focus(); field.select(); }}")
        self.ask("Input.insertText", text=text)
        self.press("Enter")

    def press(self, key: str) -> None:
        """Press a key."""
        told = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        self.ask("Input.dispatchKeyEvent", type="keyDown", **told, **({"text": "\r"} if key == "Enter" else {}))
        self.ask("Input.dispatchKeyEvent", type="keyUp", **told)


@contextlib.contextmanager
def plain_chromium() -> Iterator[Chromium]:
    """A headless Chromium, ended together with all of its processes."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [chromium_path(), *FLAGS, "--headless", "--remote-debugging-port=0", f"--user-data-dir={profile}", "about:blank"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            with connect(_address(Path(profile) / "DevToolsActivePort"), max_size=None) as socket:
                yield Chromium(socket)
                Chromium(socket).ask("Browser.close")
        finally:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()


def _address(file: Path) -> str:
    """Where the browser is spoken with, which it writes into a file as soon as it listens."""
    until = time.monotonic() + PATIENCE
    while not file.exists() or len(lines := file.read_text().split()) < 2:
        if time.monotonic() > until:
            raise RuntimeError("Chromium did not start.")
        time.sleep(0.05)
    return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
