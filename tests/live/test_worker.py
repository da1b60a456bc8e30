"""The worker process over its real pipes."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from core.catalogue import Catalogue
from core.experiment import Experiment
from core.trace import Trace
from dashboard.live import pipe
from dashboard.live.frames import NOT_FINITE, Picture, decode
from dashboard.live.look import PANELS, Look
from tests.serving import ROOT

SMALL = Experiment(text="a b c\nb c a", hidden=4, embedding=3)


class Web:
    """The other end of a worker's pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.events: list[tuple[pipe.Message, bytes]] = []
        self._number = 0

    def send(self, do: str, run: int = 1, block: bytes = b"", **more: Any) -> None:
        assert self.process.stdin
        self.process.stdin.write(pipe.pack({"do": do, "run": run, **more}, block))
        self.process.stdin.flush()

    def next(self) -> tuple[pipe.Message, bytes]:
        assert self.process.stdout
        received = pipe.read(self.process.stdout)
        assert received is not None, "the worker has ended"
        self.events.append(received)
        return received

    def ask(self, do: str, run: int = 1, block: bytes = b"", **more: Any) -> tuple[pipe.Message, bytes]:
        self._number += 1
        self.send(do, run, block, request=self._number, **more)
        while (received := self.next())[0].get("reply") != self._number:
            pass
        return received

    def create(self, experiment: Experiment, run: int = 1, speed: float | None = None, block: bytes = b"") -> pipe.Message:
        return self.ask("create", run, block, experiment=experiment.to_dict(), speed=speed, axis=0, serial=0)[0]

    def until(self, run: int = 1, **wanted: Any) -> tuple[pipe.Message, bytes]:
        while True:
            message, block = self.next()
            if message.get("run") == run and wanted.items() <= message.items():
                return message, block


@contextmanager
def worker() -> Iterator[Web]:
    command = [sys.executable, "-m", "dashboard.live.worker"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            yield Web(process)
        finally:
            process.kill()


@pytest.fixture(scope="module")
def warm() -> Iterator[Web]:
    with worker() as web:
        web.next()
        yield web


@pytest.fixture
def web(warm: Web) -> Iterator[Web]:
    warm.ask("describe", experiment=SMALL.to_dict())
    warm.events.clear()  # with what was still on its way of the runs before
    yield warm
    for run in (1, 2, 3):
        warm.send("close", run)


def frame_of(message: pipe.Message, block: bytes) -> Any:
    size = message["picture"]
    return decode(Picture(message["serial"], message["axis"], message["iteration"], message["header"], block[:size]).frame(block[size:]))


def test_it_says_what_can_be_chosen_when_it_is_warm(warm: Web):
    assert "lstm" in Catalogue.from_dict(warm.events[0][0]["catalogue"]).members("cell")


def test_a_new_run_has_its_first_picture_before_its_answer(web: Web):
    assert web.create(SMALL)["iteration"] == 0
    kinds = [message.get("on", "reply") for message, _ in web.events]
    assert kinds == ["axis", "frame", "status", "reply"]
    axis = web.events[0][0]["axis"]
    assert axis["inputs"] == ["<bos>", "a", "b", "c"]
    assert axis["targets"] == ["a", "b", "c", "<eos>"]
    assert axis["gates"] == ["i", "f", "g", "o"]
    frame = frame_of(*web.events[1])
    assert frame.header["iteration"] == 0
    assert frame.codes["h"].shape == (4, 4)
    assert frame.codes["lag"].shape == (4, 4)


def test_one_iteration_by_hand(web: Web):
    web.create(SMALL)
    web.send("step")
    frame = frame_of(*web.until(on="frame"))
    assert frame.header["iteration"] == 1
    assert frame.header["state"] == "paused"
    assert frame.tail[:, 0].tolist() == [1]


def test_after_a_change_at_rest_the_numbers_are_those_of_the_next_iteration(web: Web):
    """The curve ends with the iteration before, of other weights and other settings."""
    web.create(SMALL)
    web.send("step")
    message, block = web.until(on="frame")
    assert not frame_of(message, block).header["ahead"]
    assert message["words"].startswith("paused · iteration 1 · loss ")
    web.ask("change", experiment=SMALL.replace(truncation="window", k=2).to_dict())
    message, block = next(event for event in reversed(web.events) if event[0].get("on") == "frame")
    frame = frame_of(message, block)
    assert frame.header["ahead"]
    assert message["words"].startswith(f"paused · iteration 1 · next one: loss {frame.header['loss']:.3g} · gradient ")
    loss, norm = frame.header["loss"], frame.header["norm_before"]
    web.send("step")
    after = frame_of(*web.until(on="frame"))
    assert (after.header["loss"], after.header["norm_before"], after.header["ahead"]) == (loss, norm, False)


def test_maps_are_what_the_trace_says(web: Web):
    web.create(SMALL)
    web.send("step")
    frame = frame_of(*web.until(on="frame"))
    trace = Trace.from_bytes(web.ask("trace")[1]).of(0)
    for name, array in (("h", trace.pick("h", layer=0).T), ("dh", trace.pick("dh", layer=0, part="total").T)):
        scale = next(entry["scale"] for entry in frame.header["arrays"] if entry["name"] == name)
        assert abs(frame.values[name] - array).max() <= (scale["high"] - scale["low"]) / 65000
    assert frame.header["loss"] == pytest.approx(trace["loss"].sum() + 0, abs=10)
    assert frame.values["share"].sum() == pytest.approx(trace.pick("gradient_norm", weight="rnn.weight_hh_l0"), rel=1e-5)
    axis = web.events[0][0]["axis"]
    for step, target in enumerate(axis["targets"]):
        true = trace["probability"][step, axis["vocabulary"].index(target)]
        assert frame.values["true_probability"][step] == pytest.approx(true, rel=1e-5)
        assert frame.values["next_probability"][step, 0] == pytest.approx(trace["probability"][step].max(), rel=1e-5)


def test_what_nobody_looks_at_is_left_out_until_the_run_rests(web: Web):
    """Shares cost a fifth of a picture: while nobody has them on screen they are computed only for what can be looked into."""
    web.create(SMALL, speed=100.0)
    web.send("look", look=Look().to_dict(), demand={"show": ["h", "lag"], "fps": 30.0})
    web.send("play")
    for _ in range(3):
        message, block = web.until(on="frame")
        frame = frame_of(message, block)
        web.send("seen", serial=message["serial"])
    assert "share" not in frame.codes
    assert set(frame.header["books"]) == {"lag matrix", "direct"}
    web.send("pause")
    while frame.header["state"] != "paused":
        frame = frame_of(*web.until(on="frame"))
    trace = Trace.from_bytes(web.ask("trace")[1])
    assert trace.iteration == frame.header["iteration"]
    assert {"share_projection", "share_norm", "gradient_norm"} <= set(trace.values)
    assert set(trace.books) == {"shares", "lag matrix", "direct"}
    web.send("look", look=Look().to_dict(), demand={"show": ["h", "lag", "share"], "fps": 30.0})
    assert "share" in frame_of(*web.until(on="frame")).codes


def test_a_slow_run_rests_at_the_picture_on_screen(web: Web):
    web.create(SMALL, speed=2.0)
    web.send("look", look=Look().to_dict(), demand={"show": ["h", "lag"], "fps": 30.0})
    web.send("play")
    while not (iteration := frame_of(*web.until(on="frame")).header["iteration"]):
        pass
    web.send("pause")
    while (frame := frame_of(*web.until(on="frame"))).header["state"] != "paused":
        pass
    assert frame.header["iteration"] == iteration


def test_runs_take_turns(web: Web):
    """One run of long sentences and two small ones, all at full speed: the small ones are not starved."""
    long = Experiment(text="\n".join(" ".join(f"w{i}" for i in range(200)) for _ in range(4)), hidden=64)
    for run, experiment in ((1, long), (2, SMALL), (3, SMALL)):
        assert web.create(experiment, run)["iteration"] == 0
    for run in (1, 2, 3):
        web.send("play", run)
    until, done = time.monotonic() + 4, dict.fromkeys((1, 2, 3), 0)
    while time.monotonic() < until:
        message, _ = web.next()
        if "iteration" in message:
            done[message["run"]] = message["iteration"]
    assert done[1] > 0
    assert min(done[2], done[3]) > 10 * done[1]
    assert 0.5 < done[2] / done[3] < 2


def test_speed_is_kept(web: Web):
    web.create(SMALL, speed=50.0)
    web.send("play")
    began = time.monotonic()
    last = 0
    while time.monotonic() < began + 2:
        message, _ = web.next()
        last = message.get("iteration", last)
        if message.get("on") == "frame":
            web.send("seen", serial=message["serial"])
    assert 60 <= last <= 105  # 100 on a machine with nothing else to do


def test_nobody_looks_no_picture_is_made_and_no_point_is_lost(web: Web):
    web.create(SMALL, speed=200.0)
    web.send("look", look=Look().to_dict(), demand={"show": [], "fps": 0.0})
    web.send("play")
    points = []
    while len(points) < 300:
        message, block = web.next()
        assert message["on"] in ("points", "status")
        points += [block[at : at + 8] for at in range(0, len(block), 48)]
    assert len(set(points)) == len(points)


def test_no_frame_is_made_while_two_wait(web: Web):
    web.create(SMALL, speed=200.0)
    web.send("play")
    began = time.monotonic()
    while time.monotonic() < began + 1.5:
        web.next()
    frames = [message for message, _ in web.events if message.get("on") == "frame"]
    assert len(frames) <= 3, "the first picture and two more"


def test_an_exploding_run_stops_with_its_words_and_can_go_on(web: Web):
    web.create(SMALL.replace(cell="rnn_relu", optimiser="sgd", clip="off", gain=10.0, learning_rate=10.0))
    web.send("play")
    stopped, _ = web.until(on="status", state="stopped")
    end = int(re.search(r"exploded at iteration (\d+)", stopped["words"])[1])
    assert f"the weights after {end - 1} updates are kept" in stopped["words"]
    assert stopped["words"].endswith("or restart (R)")
    picture = frame_of(*web.until(on="frame"))
    assert picture.header["iteration"] == end - 1, "no update was made, and none is counted"
    assert (picture.codes["dh"] == NOT_FINITE).any()
    web.send("play")
    again, _ = web.until(on="status", state="stopped")
    assert "(2 times now)" in again["words"], "who presses play sees that something has happened"
    answer, _ = web.ask("change", experiment=SMALL.replace(cell="rnn_relu", optimiser="sgd", gain=10.0, learning_rate=1e-6).to_dict())
    assert "problems" not in answer
    web.send("restart")
    web.until(on="status", state="ready")
    web.send("step")
    web.until(on="frame", iteration=1)


def test_a_refused_change_leaves_the_run_alone(web: Web):
    web.create(SMALL)
    web.send("step")
    answer, _ = web.ask("change", experiment=SMALL.replace(text=" \n ").to_dict())
    assert list(answer["problems"]) == ["text"]
    web.send("step")
    web.until(on="frame", iteration=2)


def test_live_changes_keep_the_weights_and_others_begin_again(web: Web):
    web.create(SMALL)
    web.send("step")
    assert web.ask("change", experiment=SMALL.replace(truncation="window", k=2).to_dict())[0]["iteration"] == 1
    assert web.events[-2][0]["on"] == "frame"
    axis = next(message["axis"] for message, _ in reversed(web.events) if message.get("on") == "axis")
    assert axis["truncation"] == {"k1": 1, "k2": 2}
    assert web.ask("change", experiment=SMALL.replace(cell="gru", truncation="window", k=2).to_dict())[0]["iteration"] == 0
    frame = frame_of(*next(event for event in reversed(web.events) if event[0].get("on") == "frame"))
    assert frame.tail[0, 0] == 0, "a row that says: forget"


def test_a_checkpoint_goes_on_with_the_same_numbers(web: Web):
    web.create(SMALL)
    for _ in range(3):
        web.send("step")
    answer, checkpoint = web.ask("checkpoint")
    assert answer["iteration"] == 3
    web.send("step")
    wanted = web.until(on="frame", iteration=4)
    assert web.create(SMALL, 2, block=checkpoint)["iteration"] == 3
    web.send("step", 2)
    got = web.until(2, on="frame", iteration=4)
    assert frame_of(*got).tail.tolist() == frame_of(*wanted).tail.tolist()
    assert "checkpoint" in web.ask("restore", 2, b"no checkpoint")[0]["error"].lower()


def test_texts_are_tried_and_made(web: Web):
    web.create(SMALL)
    answer, block = web.ask("try", text="a zebra b")
    assert answer["unknown"] == [3]
    assert Trace.from_bytes(block).axes[0].inputs[0] == "<bos>"
    made = [web.ask("generate", arguments={"tokens": 5, "temperature": 1.0, "seed": 3, "prompt": "a"})[0] for _ in range(2)]
    assert made[0]["tokens"] == made[1]["tokens"]
    assert list(web.ask("try", text="a " * 600)[0]["problems"]) == ["text"]


def test_an_error_inside_a_request_is_answered_and_kills_nobody(web: Web):
    web.create(SMALL)
    assert "error" in web.ask("trace", 99)[0]
    assert "error" in web.ask("generate", arguments={"tokens": 5, "temperature": "hot"})[0]
    web.send("play", 99)
    assert web.ask("trace")[0]["scalars"]["iteration"] == 0


def test_a_look_at_rest_is_painted_again(web: Web):
    web.create(SMALL.replace(layers=2))
    web.send("look", look=Look(sentence=1, gate="o", part="direct", layer=0).to_dict(), demand={"show": PANELS, "fps": 30.0})
    frame = frame_of(*web.until(on="frame"))
    assert {entry["name"]: entry.get("gate", entry.get("part")) for entry in frame.header["arrays"]}["gate"] == "o"
    axis = next(message["axis"] for message, _ in reversed(web.events) if message.get("on") == "axis")
    assert axis["sentence"] == 1
    assert axis["inputs"] == ["<bos>", "b", "c", "a"]


def test_a_look_at_a_slow_run_does_not_wait_for_its_next_iteration(web: Web):
    web.create(SMALL, speed=0.01)
    web.send("play")
    web.until(on="frame", iteration=1)
    for look in (Look(gate="o"), Look(gate="o", sentence=1)):
        web.send("look", look=look.to_dict(), demand={"show": PANELS, "fps": 30.0})
        frame = frame_of(*web.until(on="frame"))
        assert next(entry["gate"] for entry in frame.header["arrays"] if entry["name"] == "gate") == "o"


def test_a_fixed_range_outlives_a_restart(web: Web):
    web.create(SMALL)
    fixed = {"look": Look(range="fixed").to_dict(), "demand": {"show": PANELS, "fps": 30.0}}
    web.send("look", **fixed)
    for do in ("step", "restart"):
        web.send(do)
        web.until(on="status")
    web.ask("change", experiment=SMALL.replace(cell="rnn_tanh", gain=8.0, seed=5).to_dict())
    scales = [
        {entry["name"]: entry["scale"] for entry in frame_of(*event).header["arrays"] if entry["name"] in ("dh", "lag")}
        for event in web.events if event[0].get("on") == "frame"
    ]  # fmt: skip
    assert len(scales) >= 4
    assert all(scale == scales[0] for scale in scales)


def test_it_ends_with_its_input_even_before_it_is_warm():
    with worker() as web:
        assert web.process.stdin
        web.process.stdin.close()
        assert web.process.wait(timeout=5) == 0
