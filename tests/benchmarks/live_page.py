"""How the page moves: `python -m tests.benchmarks.live_page [--seconds 10] [--rounds 3] [--minutes 2] [--address LINK]`.

Starts the app and a Chromium in which nobody listens (`tests.benchmarks.visitors`), the one on the first core and the other on the second,
and prints what a visitor sees as a Markdown table: a run with T = H = 32 paced at 100 iterations a second, in the panels that are shown by
default, the lag matrix among them.  What the page does is read from the component's own account of itself (`element.bptt`) and from
Chromium's, what it costs from /proc.  Medians over the rounds.  `--address` measures another experiment, such as the series with attention
of `/forecast?att=dot&heads=2`; `--rounds 0` leaves only the memory.  `tests.benchmarks.live_server` measures what needs no browser.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from core.experiment import Experiment
from dashboard import address
from dashboard.live.settings import Settings
from tests.benchmarks.live_server import SQUARE
from tests.benchmarks.processes import cores, cpu, family, kept_to, memory
from tests.benchmarks.visitors import Chromium, Visitor, plain_chromium
from tests.serving import Server, serve

ADDRESS = "/?" + urlencode(address.write(Experiment.from_dict(SQUARE)))
SPEED = 100
RERUNS = 8

RATE = """() => document.querySelector('[class*="st-key-field-learning_rate-"] input')"""

USABLE = """() => {
    const e = document.querySelector('.st-key-explorer') && window.explorer();
    return e?.bptt.painted > 0 && e.bptt.control && e.style.visibility !== 'hidden' && !e.querySelector('.play').disabled
        && (RATE)();
}""".replace("RATE", RATE)
"""Pictures stand, play can be pressed, and the form is there."""

FIND = """() => {
    window.explorer = () => {
        const search = (root) => {
            for (const e of root.querySelectorAll('*')) {
                if (e.bptt) return e;
                const found = e.shadowRoot && search(e.shadowRoot);
                if (found) return found;
            }
        };
        return window.found?.isConnected ? window.found : (window.found = search(document));
    };
}"""
"""How to find the explorer's element, in whatever shadow it stands."""

READ = """() => {
    const { painted, latencies, drawTimes } = window.explorer().bptt;
    return { painted, latencies, drawTimes, at: performance.now() };
}"""

CLICK_TO_PIXEL = """() => new Promise((done) => {
    const e = window.explorer();
    const canvas = e.querySelector('[data-panel=h] canvas.map');
    const look = () => canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.join();
    const before = look();
    e.addEventListener('click', ({ timeStamp }) => {
        const check = () => (look() === before ? requestAnimationFrame(check) : done(performance.now() - timeStamp));
        check();
    }, { capture: true, once: true });
    window.armed = true;
})"""

WATCH = """() => {
    const e = window.explorer();
    const nodes = [e, ...e.querySelectorAll('section, canvas')];
    const times = [];
    let painted = e.bptt.painted;
    const look = (now) => {
        if (e.bptt.painted !== painted) times.push(now);
        painted = e.bptt.painted;
        window.watching = requestAnimationFrame(look);
    };
    look(performance.now());
    window.watched = () => {
        cancelAnimationFrame(window.watching);
        const gaps = times.slice(1).map((time, i) => time - times[i]);
        return { gap: Math.max(...gaps), replaced: nodes.filter((node) => !node.isConnected).length, opened: e.bptt.opened };
    };
}"""

REPAINT = """(fps) => {
    const shown = [...window.explorer().querySelectorAll('canvas')].filter((canvas) => canvas.width && canvas.getClientRects().length);
    const pictures = shown.map((canvas) => {
        const copy = Object.assign(document.createElement('canvas'), { width: canvas.width, height: canvas.height });
        copy.getContext('2d').drawImage(canvas, 0, 0);
        return copy;
    });
    let mirrored = 1;
    window.repainted = 0;
    window.repainting = setInterval(() => {
        mirrored = -mirrored;
        window.repainted += 1;
        for (const [at, canvas] of shown.entries()) {
            const context = canvas.getContext('2d');
            context.setTransform(mirrored, 0, 0, 1, mirrored < 0 ? canvas.width : 0, 0);
            context.clearRect(0, 0, canvas.width, canvas.height);
            context.drawImage(pictures[at], 0, 0);
        }
    }, 1000 / fps);
    Object.defineProperty(document, 'hidden', { value: true, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
}"""
"""The page says that it is hidden, for which one picture a second is made, and goes on painting its canvases as often as before."""

RESUME = """() => {
    clearInterval(window.repainting);
    delete document.hidden;
    document.dispatchEvent(new Event('visibilitychange'));
}"""

Found = dict[str, float]


class Visit:
    """What one visitor does and sees.   usable: seconds until the page could be used."""

    def __init__(self, page: Visitor, server: Server, address: str) -> None:
        self.page, self.server = page, server
        page.open(server.url + address)
        page.evaluate(FIND)
        self.usable = page.seen(USABLE)
        page.ask("Performance.enable")

    def play(self) -> float:
        """Milliseconds from the click on play to the first pixel that has changed."""
        self.page.evaluate(f"() => {{ window.first = ({CLICK_TO_PIXEL})(); }}")
        time.sleep(0.5)
        self.page.click("() => window.explorer().querySelector('.play')")
        return float(self.page.evaluate("() => window.first"))

    def pace(self, speed: int, fps: int) -> None:
        """So many iterations and pictures a second."""
        self.page.choose("() => window.explorer().querySelector('select.speed')", str(speed))
        self.page.click("() => window.explorer().querySelector('.menu summary')")
        self.page.click(f"() => [...window.explorer().querySelectorAll('.menu button')].find((e) => e.textContent === '{fps}')")
        self.page.press("Escape")

    def metrics(self) -> dict[str, float]:
        """Chromium's own account of this page: ThreadTime is the CPU of its main thread in seconds, JSHeapUsedSize is in bytes."""
        return {entry["name"]: entry["value"] for entry in self.page.ask("Performance.getMetrics")["metrics"]}

    def heap(self) -> float:
        """MB of JavaScript that are really needed."""
        self.page.ask("HeapProfiler.collectGarbage")
        return self.metrics()["JSHeapUsedSize"] / 2**20

    def stream(self, seconds: float) -> Found:
        """What happens in so many seconds."""
        began, ended, cost = self._watched(seconds, READ)
        frames = ended["painted"] - began["painted"]
        took = (ended["at"] - began["at"]) / 1000
        late, draw = sorted(ended["latencies"][-frames:]), ended["drawTimes"][-frames:]
        return {
            "fps": frames / took, "p50": late[len(late) // 2], "p95": late[int(0.95 * len(late))], "web": cost["web"] / frames,
            "workers a second": cost["workers"] / took, "main": cost["main"] / frames, "chrome": cost["chrome"] / frames,
            "draw": statistics.median(draw),
        }  # fmt: skip

    def repaint(self, fps: int, seconds: float) -> Found:
        """What training costs while one picture a second is made, beside a browser that is as busy.

        Beside an idle browser an iteration costs a quarter to a third less, which would be taken for the cost of pictures.
        """
        self.page.evaluate(REPAINT, fps)
        read = "() => ({ painted: window.explorer().bptt.painted, repainted: window.repainted, at: performance.now() })"
        began, ended, cost = self._watched(seconds, read)
        self.page.evaluate(RESUME)
        took = (ended["at"] - began["at"]) / 1000
        return {
            "hidden fps": (ended["painted"] - began["painted"]) / took, "training a second": cost["workers"] / took,
            "repaint": cost["chrome"] / (ended["repainted"] - began["repainted"]),
        }  # fmt: skip

    def _watched(self, seconds: float, read: str) -> tuple[Any, Any, Found]:
        """What the page says of itself before and after so many seconds, and the milliseconds of CPU that were spent meanwhile."""
        time.sleep(1.5)
        web, every = [self.server.process.pid], list(self.server.processes())
        chrome = set(family(os.getpid())) - {os.getpid(), *every}

        def spent() -> Found:
            main = self.metrics()["ThreadTime"]
            return {"web": cpu(web), "workers": cpu(set(every) - set(web)), "chrome": cpu(chrome), "main": main}

        before, began = spent(), self.page.evaluate(read)
        time.sleep(seconds)
        ended, after = self.page.evaluate(read), spent()
        return began, ended, {name: 1000 * (after[name] - before[name]) for name in after}

    def rerun(self) -> Found:
        """The largest gap in the stream while live settings are changed, and what of the component did not survive it."""
        self.page.evaluate(WATCH)
        for count in range(RERUNS):
            self.page.fill(RATE, str(0.001 + 0.0001 * count))
            time.sleep(0.7)
        return dict(self.page.evaluate("() => window.watched()"))


@contextlib.contextmanager
def visiting(browser: Chromium, server: Server, address: str) -> Iterator[Visit]:
    """A new visitor's.   Waits at the end until the run has been paused, which would otherwise train on beside the next visitor's."""
    with browser.visitor() as page:
        yield Visit(page, server, address)
    time.sleep(2 * Settings.from_environment().pause_after)


def stay(visit: Visit, seconds: float) -> Found:
    """All that one visitor sees."""
    found = {"usable": visit.usable, "click": visit.play()}
    for fps in (30, 60):
        visit.pace(SPEED, fps)
        seen, unseen = visit.stream(seconds), visit.repaint(fps, seconds)
        pictures = (seen["workers a second"] - unseen["training a second"]) / (seen["fps"] - unseen["hidden fps"])
        cost = {"pictures": pictures, "cost": seen["web"] + pictures}
        found |= {f"{name} {fps}": value for name, value in (seen | unseen | cost).items()}
    visit.pace(SPEED, 30)
    time.sleep(1)
    return found | visit.rerun()


def growth(visit: Visit, minutes: float) -> Found:
    """MB that the server and the page's heap grow by after the first minute of a stream.

    A process that ends meanwhile, as one that has fitted baselines does, counts neither before nor after; one that begins counts in full.
    """

    def server_memory() -> dict[int, float]:
        return {pid: memory([pid]) for pid in visit.server.processes()}

    visit.play()
    visit.pace(SPEED, 30)
    time.sleep(60)
    before, heap = server_memory(), visit.heap()
    time.sleep(60 * (minutes - 1))
    after = server_memory()
    grown = sum(now - before.get(pid, 0.0) for pid, now in after.items())
    return {"server growth": grown, "heap growth": visit.heap() - heap}


Row = tuple[str, str, str]


def rows(found: Callable[[str], str], minutes: float) -> list[Row]:
    """What is asked for, and what was found."""
    table = []
    for fps, least in ((30, 28), (60, 50)):
        table += [
            (f"painted frames/s at target {fps} Hz", f">= {least}", found(f"fps {fps}")),
            ("captured -> painted, p50 / p95 ms", "<= 40 / 60", f"{found(f'p50 {fps}')} / {found(f'p95 {fps}')}"),
            (
                "server CPU ms a frame (web process + making the picture; training beside as busy a browser taken off)",
                "<= 3",
                f"{found(f'cost {fps}')} ({found(f'web {fps}')} + {found(f'pictures {fps}')})",
            ),
            ("browser main thread, CPU ms a frame (of it drawing our maps)", "", f"{found(f'main {fps}')} ({found(f'draw {fps}')})"),
            (
                "all of Chromium, CPU ms a frame (drawing in software); beside training alone",
                "",
                f"{found(f'chrome {fps}')}; {found(f'repaint {fps}')}",
            ),
        ]
    return [
        *table,
        (f"largest gap over {RERUNS} page reruns, ms", "<= 150", found("gap")),
        ("component nodes replaced; sockets opened", "0; 1", f"{found('replaced')}; {found('opened')}"),
        ("click on play -> first changed pixel, warm server, ms", "<= 300", found("click")),
        ("page opened -> usable, warm server, empty cache, s", "<= 2", found("usable")),
        (f"server memory growth in {minutes:g} minutes after the first, MB", "<= 10 in 9", found("server growth")),
        (f"browser heap growth in {minutes:g} minutes after the first, MB", "<= 2 in 9", found("heap growth")),
    ]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split(":")[0])
    parser.add_argument("--seconds", type=float, default=10, help="measured in each situation")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--minutes", type=float, default=2, help="how long memory is watched, the first minute included; 0 = not at all")
    parser.add_argument("--address", default=ADDRESS, help="the link, from its first slash on, that is opened")
    options = parser.parse_args()
    ours, theirs = (cores()[0], cores()[1]) if len(cores()) > 1 else (None, None)
    found: dict[str, list[float]] = {}

    def keep(measured: dict[str, Any]) -> None:
        for name, value in measured.items():
            found.setdefault(name, []).append(value)

    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        with kept_to(ours):
            server = stack.enter_context(serve(folder / "log.txt"))
        with kept_to(theirs):
            browser = stack.enter_context(plain_chromium())
        with visiting(browser, server, options.address):
            pass  # the server is warm from here on
        for _ in range(options.rounds):
            with visiting(browser, server, options.address) as visit:
                keep(stay(visit, options.seconds))
        if options.minutes > 1:
            with visiting(browser, server, options.address) as visit:
                keep(growth(visit, options.minutes))

    def said(name: str) -> str:
        return f"{statistics.median(found[name]):.3g}" if name in found else "not measured"

    print("| what | asked | measured |\n|---|---|---|")
    for row in rows(said, max(0, options.minutes - 1)):
        print(f"| {' | '.join(row)} |")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
