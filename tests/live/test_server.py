"""The live server over real sockets: frames, commands, bad manners, lifetimes, and workers that die."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.checkpoint import read_checkpoint
from core.experiment import Experiment, InvalidExperiment
from core.training import Trainer
from dashboard.live import runs
from dashboard.live.runs import LiveError
from tests.live.watching import Watcher, live_server, wait_for, watch

SMALL = Experiment(text="a b c\nb c a d", hidden=8, embedding=4)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with live_server(
        workers=1, pause_after=0.5, discard_after=2, tick=0.1, checkpoint_every=0.2, max_runs=6, max_runs_of_one=3, max_viewers=4,
        allowed_origins="https://lecture.example", default_speed=200, hang_told=60, hang_timeout=120,
    ) as address:  # fmt: skip
        yield address


@pytest.fixture
def keys(server: str) -> Iterator[runs.RunKeys]:
    created = runs.create(SMALL)
    yield created
    with contextlib.suppress(LiveError):
        runs.close(created.control)


@pytest.fixture
def viewer(server: str, keys: runs.RunKeys) -> Iterator[Watcher]:
    with watch(server, keys.control) as watcher:
        yield watcher


class TestFrames:
    def test_a_viewer_is_greeted_and_sees_the_first_picture(self, viewer: Watcher, keys: runs.RunKeys):
        frame = viewer.frame()
        kinds = [seen["type"] for seen in viewer.seen[:-1]]
        assert kinds[0] == "hello"
        assert kinds[-1] == "axis"
        assert "status" in kinds
        assert viewer.seen[0] == {"type": "hello", "control": True, "watch": keys.watch}
        assert frame.header["axis"] == viewer.seen[-2]["id"]
        assert frame.header["iteration"] == 0

    def test_training_is_seen_and_no_point_is_lost(self, viewer: Watcher):
        viewer.send(do="play")
        viewer.at(150)
        viewer.send(do="pause")
        last = viewer.frame(lambda frame: frame.header["state"] == "paused").header["iteration"]
        assert viewer.iterations() == [0, *range(1, last + 1)]
        losses = viewer.losses()
        assert losses[-1] < losses[0] / 2
        assert len(viewer.frames) < last, "maps are made for frames only"

    def test_pause_freezes_and_step_makes_one_iteration(self, viewer: Watcher):
        viewer.send(do="step")
        assert viewer.at(1).header["iteration"] == 1
        viewer.send(do="step")
        assert viewer.at(2).header["state"] == "paused"
        time.sleep(0.3)
        viewer.send(do="fly")
        viewer.message(type="error")
        assert viewer.frames[-1].header["iteration"] == 2

    def test_restart_gives_the_same_numbers_again(self, viewer: Watcher):
        viewer.send(do="play")
        viewer.at(40)
        viewer.send(do="pause")
        viewer.message(type="status", state="paused")
        first = viewer.losses()
        viewer.send(do="restart")
        viewer.message(type="status", state="ready")
        viewer.send(do="play")
        viewer.at(40)
        again = viewer.losses()
        count = min(len(first), len(again))
        assert count >= 40
        assert first[:count] == again[:count]

    def test_speeds(self, viewer: Watcher):
        viewer.send(do="speed", value=20)
        assert viewer.message(type="status", speed=20)
        viewer.send(do="play")
        viewer.at(10)
        began, from_ = time.monotonic(), viewer.frames[-1].header["iteration"]
        viewer.at(from_ + 20)
        assert 0.8 < time.monotonic() - began < 1.5
        viewer.send(do="speed", value=None)
        viewer.message(type="status", speed=None)
        viewer.at(from_ + 500)

    def test_a_look_changes_what_is_drawn(self, viewer: Watcher):
        viewer.frame()
        viewer.send(do="look", show=["gate", "dh"], gate="o", part="recurrent", sentence=1, fps=10)
        frame = viewer.frame(lambda frame: "h" not in frame.codes)
        arrays = {entry["name"]: entry for entry in frame.header["arrays"]}
        assert arrays["gate"]["gate"] == "o"
        assert arrays["dh"]["part"] == "recurrent"
        assert frame.codes["gate"].shape == (8, 5)
        axis = next(seen for seen in reversed(viewer.seen) if isinstance(seen, dict) and seen["type"] == "axis")
        assert axis["sentence"] == 1
        assert axis["inputs"] == ["<bos>", "b", "c", "a", "d"]

    def test_the_past_can_be_seen_again(self, viewer: Watcher):
        viewer.send(do="play")
        viewer.at(60)
        viewer.send(do="pause")
        now = viewer.frame(lambda frame: frame.header["state"] == "paused").header["iteration"]
        viewer.send(do="seek", back=3)
        replayed = viewer.frame(lambda frame: frame.replayed)
        assert replayed.header["iteration"] < now
        viewer.send(do="seek", back=0)
        back = viewer.frame(lambda frame: not frame.replayed)
        assert back.header["iteration"] == now
        assert viewer.iterations() == [0, *range(1, now + 1)]


class TestSharing:
    def test_a_watcher_sees_but_does_not_command(self, server: str, viewer: Watcher, keys: runs.RunKeys):
        with watch(server, keys.watch) as guest:
            assert guest.next() == {"type": "hello", "control": False, "watch": keys.watch}
            guest.send(do="play")
            assert guest.message(type="error")["message"] == "This link can only watch."
            guest.send(do="look", show=["h"], sentence=1, fps=30)
            viewer.send(do="play")
            assert guest.at(20).header["iteration"] >= 20
            axis = next(seen for seen in guest.seen if isinstance(seen, dict) and seen["type"] == "axis")
            assert axis["sentence"] == 0

    def test_who_comes_later_gets_the_history(self, server: str, viewer: Watcher, keys: runs.RunKeys):
        viewer.send(do="play")
        viewer.at(100)
        with watch(server, keys.watch) as guest:
            last = int(guest.at(150).tail[-1, 0])
            assert guest.iterations() == [0, *range(1, last + 1)]

    def test_viewers_of_one_picture_get_the_same_bytes_and_each_its_own_rate(self, server: str, viewer: Watcher, keys: runs.RunKeys):
        with watch(server, keys.watch) as slow:
            slow.send(do="look", fps=5)
            viewer.send(do="play")
            viewer.at(400)
            last = slow.at(390)
            assert len(slow.frames) < len(viewer.frames) / 2
            assert slow.iterations() == [0, *range(1, int(last.tail[-1, 0]) + 1)]

    def test_a_viewer_that_does_not_read_slows_nobody(self, server: str, keys: runs.RunKeys):
        with watch(server, keys.watch, close_timeout=0.1), watch(server, keys.control) as reading:
            reading.send(do="play")
            reading.at(20)
            began, from_ = time.monotonic(), len(reading.frames)
            while time.monotonic() < began + 3:
                reading.next()
            assert (len(reading.frames) - from_) / 3 > 20

    def test_a_viewer_that_counts_what_it_receives_never_has_many_frames_on_their_way(self, viewer: Watcher):
        viewer.send(do="play")
        viewer.at(20)
        viewer.send(do="received", frames=len(viewer.frames))
        counted = len(viewer.frames)
        time.sleep(1.5)
        viewer.send(do="pause")
        viewer.message(type="status", state="paused")
        assert len(viewer.frames) <= counted + 12
        viewer.send(do="received", frames=len(viewer.frames))
        last = viewer.frame(lambda frame: frame.header["state"] == "paused")
        assert last.header["iteration"] > 200, "the latest picture, not the next of a queue"
        assert viewer.iterations() == [0, *range(1, last.header["iteration"] + 1)]

    def test_there_is_a_bound_for_viewers(self, server: str, keys: runs.RunKeys):
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                stack.enter_context(watch(server, keys.watch)).next()
            with watch(server, keys.watch) as fifth:
                assert "4 viewers" in fifth.message(type="error")["message"]
                with pytest.raises(ConnectionClosed) as closed:
                    fifth.next()
                assert closed.value.rcvd.code == 4429

    def test_viewers_who_come_at_the_same_moment_are_bounded_too(self, server: str, keys: runs.RunKeys):
        with contextlib.ExitStack() as stack, ThreadPoolExecutor(16) as pool:
            watchers = list(pool.map(lambda _: stack.enter_context(watch(server, keys.watch)), range(16)))
            welcome = [dict(watcher.message())["type"] for watcher in watchers]
        assert sorted(welcome) == ["error"] * 12 + ["hello"] * 4


class TestManners:
    @pytest.mark.parametrize(
        "text",
        [
            "", "{", "[]", "null", "1", '"play"', "{}", '{"do": 1}', '{"do": "fly"}', '{"do": "speed", "value": 0}', "[" * 4000,
            '{"do": "speed", "value": "fast"}', '{"do": "speed", "value": NaN}', '{"do": "speed", "value": true}', '{"do": "seek"}',
            '{"do": "received"}', '{"do": "received", "frames": 9999}', '{"do": "received", "frames": -1}',
            '{"do": "seek", "back": -1}', '{"do": "look", "show": "h"}', '{"do": "look", "fps": 1e9}', '{"do": "look", "fps": null}',
            '{"do": "look", "sentence": 99}',  '{"do": "look", "layer": {}}', '{"do": "close"}', '{"do": "__class__"}',
        ],
    )  # fmt: skip
    def test_bad_messages_get_one_sentence(self, viewer: Watcher, text: str):
        viewer.socket.send(text)
        assert viewer.message(type="error")["message"].endswith(".")
        viewer.send(do="step")
        viewer.at(1)

    def test_a_large_message_is_refused(self, viewer: Watcher):
        viewer.send(do="look", junk="x" * 5000)
        assert "at most 4,096 bytes" in viewer.message(type="error")["message"]
        viewer.socket.send(b"\0\1\2")
        assert "must be text" in viewer.message(type="error")["message"]

    def test_a_flood_is_refused_and_the_run_goes_on(self, viewer: Watcher):
        for _ in range(500):
            viewer.send(do="seek", back=0)
        assert "at most 60 a second" in viewer.message(type="error")["message"]
        time.sleep(0.2)
        viewer.send(do="play")
        viewer.at(30)

    @pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://127.0.0.1:1", "https://lecture.example.evil.example"])
    def test_a_foreign_page_is_turned_away(self, server: str, keys: runs.RunKeys, origin: str):
        with pytest.raises(InvalidStatus) as refused, watch(server, keys.control, origin=origin):
            pass
        assert refused.value.response.status_code == 403

    def test_a_server_below_a_path_of_its_host_is_found(self, server: str, keys: runs.RunKeys):
        with watch(f"{server}/some/where", keys.control) as viewer:
            viewer.frame()

    def test_our_own_pages_and_the_allowed_ones_are_let_in(self, server: str, keys: runs.RunKeys):
        for origin in (server.replace("ws", "http"), "https://lecture.example"):
            with watch(server, keys.control, origin=origin) as own:
                own.frame()

    @pytest.mark.parametrize("key", ["nobody", "x" * 2000, "%00"])
    def test_an_unknown_key_is_told_so(self, server: str, key: str):
        with watch(server, key) as stranger:
            assert stranger.next()["state"] == "gone"
            with pytest.raises(ConnectionClosed) as closed:
                stranger.next()
            assert closed.value.rcvd.code == 4404


class TestPages:
    """What page scripts call."""

    def test_a_run_is_found_by_both_keys(self, keys: runs.RunKeys):
        controlled, watched = runs.find(keys.control), runs.find(keys.watch)
        assert controlled.control
        assert not watched.control
        assert controlled.experiment == SMALL
        assert (controlled.state, controlled.iteration, controlled.changed_live) == ("ready", 0, False)
        assert runs.find("nobody") is None
        assert len(keys.control) >= 32

    def test_describe_tells_the_tokens_and_the_problems(self, server: str):
        described = runs.describe(SMALL)
        assert described["steps"] == 5
        assert described["problems"] == {}
        problems = runs.describe(SMALL.replace(truncation="window", k=40))["problems"]
        assert problems == {"k": "K is 40, but the longest sentence has 5 steps: choose 1 to 5, or full."}
        assert runs.describe(SMALL.replace(k=40))["problems"] == {}
        assert set(runs.describe(SMALL.replace(truncation="custom", k1=6, k2=7))["problems"]) == {"k1", "k2"}
        with pytest.raises(InvalidExperiment) as refused:
            runs.describe(SMALL.replace(text="   "))
        assert list(refused.value.problems) == ["text"]
        with pytest.raises(InvalidExperiment):
            runs.create(SMALL.replace(cell="abacus"))

    def test_what_would_keep_a_trainer_for_a_minute_is_refused(self, server: str):
        text = "\n".join("ab" * 250 for _ in range(39))
        problems = runs.describe(SMALL.replace(text=text, tokens="character", hidden=256, layers=4))["problems"]
        assert list(problems) == ["hidden"]
        assert "at most 50 billion" in problems["hidden"]

    def test_what_would_fill_the_memory_is_refused(self, server: str):
        """Many short lines are padded to the longest, and all of them are held at once."""
        text = "ab" * 255 + "\nab" * 190
        problems = runs.describe(SMALL.replace(text=text, tokens="character", hidden=128, truncation="window", k=4))["problems"]
        assert problems["hidden"].startswith("This network would hold about 3.0 GB for all that it reads at a time; at most 1.0 GB")
        assert runs.describe(SMALL.replace(text=text, tokens="character", hidden=128, batch=32))["problems"] == {}
        assert runs.describe(SMALL.replace(text="ab" * 250, tokens="character", hidden=256))["problems"] == {}
        attentive = SMALL.replace(text="ab" * 250, tokens="character", hidden=256, attention="dot")
        assert runs.describe(attentive)["problems"] == {}
        assert list(runs.describe(attentive.replace(text="\n".join(["ab" * 250] * 4), attention="additive"))["problems"]) == ["hidden"]
        for model in ("recurrent", "transformer"):
            with pytest.raises(InvalidExperiment, match="at most 4,194,304 are allowed"):
                runs.describe(attentive.replace(text=text, model=model))

    def test_what_can_change_live_does(self, viewer: Watcher, keys: runs.RunKeys):
        viewer.send(do="play")
        viewer.at(30)
        info = runs.change(keys.control, SMALL.replace(learning_rate=0.001, clip="off", truncation="chunk", k=2))
        assert info.state == "training"
        assert info.iteration >= 30
        assert info.changed_live
        assert viewer.message(type="axis")["truncation"] == {"k1": 2, "k2": 2}
        assert viewer.at(60).header["iteration"] >= 60
        assert 0 not in viewer.iterations()[1:]

    def test_what_cannot_begins_again_and_keeps_playing(self, viewer: Watcher, keys: runs.RunKeys):
        viewer.send(do="play")
        viewer.at(100)
        info = runs.change(keys.control, SMALL.replace(cell="gru", seed=3))
        assert info.iteration < 30
        assert not info.changed_live
        assert viewer.message(type="axis")["gates"] == ["r", "z", "n"]
        viewer.frame(lambda frame: 0 in frame.tail[:, 0])
        viewer.at(20)
        assert runs.find(keys.control).state == "training"

    def test_a_refused_change_leaves_the_run_untouched(self, viewer: Watcher, keys: runs.RunKeys):
        viewer.send(do="play")
        viewer.at(30)
        for field, changes in (("text", {"text": "\x07\n"}), ("k", {"truncation": "window", "k": 6}), ("optimiser", {"optimiser": "luck"})):
            with pytest.raises(InvalidExperiment) as refused:
                runs.change(keys.control, SMALL.replace(**changes))
            assert list(refused.value.problems) == [field]
        assert runs.find(keys.control).experiment == SMALL
        viewer.at(60)

    def test_the_trace_is_that_of_the_latest_iteration(self, keys: runs.RunKeys):
        for _ in range(3):
            runs.command(keys.control, "step")
        trace, scalars = runs.trace(keys.watch)
        assert trace.iteration == scalars["iteration"] == 3
        assert trace.of(0)["lag_h"].shape == (1, 4, 4)
        kept, _ = runs.trace(keys.control)
        assert runs.trace(keys.watch)[0] is kept, "at rest it is fetched once"
        runs.command(keys.control, "step")
        assert runs.trace(keys.control)[0].iteration == 4
        wait_for(lambda: len(runs.history(keys.control)) == 4)

    def test_texts_and_checkpoints(self, keys: runs.RunKeys):
        runs.command(keys.control, "step")
        trial = runs.try_text(keys.control, "a b zebra")
        assert trial.unknown == (4,)
        assert trial.trace.axes[0].inputs[:3] == ("<bos>", "a", "b")
        generated = runs.generate(keys.control, tokens=6, temperature=0.5, seed=1, prompt="a")
        assert generated == runs.generate(keys.control, tokens=6, temperature=0.5, seed=1, prompt="a")
        saved = runs.checkpoint(keys.control)
        runs.command(keys.control, "restart")
        assert runs.restore(keys.control, saved).iteration == 1
        for bad in (b"", b"junk", saved[:-5]):
            with pytest.raises(LiveError):
                runs.restore(keys.control, bad)
        with pytest.raises(InvalidExperiment):
            runs.try_text(keys.control, "")

    def test_weights_of_a_file(self, keys: runs.RunKeys):
        runs.command(keys.control, "step")
        own = nn.ModuleDict({"encoder": nn.Embedding(8, 5), "lstm": nn.LSTM(5, 6, 2), "head": nn.Linear(6, 9)})
        out = io.BytesIO()
        torch.save(own.state_dict(), out)
        info, found = runs.take_weights(keys.control, out.getvalue(), "tanh")
        assert (info.iteration, info.experiment.cell, info.experiment.layers, info.experiment.hidden) == (0, "lstm", 2, 6)
        assert found == runs.FoundWeights("lstm.", "encoder.weight", None)
        trace, _ = runs.trace(keys.watch)
        assert trace["h"].shape[0] == 2
        *_, saved = read_checkpoint(runs.checkpoint(keys.control))
        assert torch.equal(saved["weights"]["rnn.weight_hh_l1"], own["lstm"].weight_hh_l1.detach().double())
        for bad in (b"", b"junk", out.getvalue()[:-5]):
            with pytest.raises(LiveError):
                runs.take_weights(keys.control, bad, "tanh")
        with pytest.raises(LiveError, match="only watch"):
            runs.take_weights(keys.watch, out.getvalue(), "tanh")
        assert runs.find(keys.control).experiment.hidden == 6

    def test_only_the_control_key_commands(self, keys: runs.RunKeys):
        for key, sentence in ((keys.watch, "only watch"), ("nobody", "no longer exists")):
            with pytest.raises(LiveError, match=sentence):
                runs.command(key, "play")
            with pytest.raises(LiveError, match=sentence):
                runs.change(key, SMALL)
        with pytest.raises(LiveError, match="There is no command 'fly'"):
            runs.command(keys.control, "fly")

    def test_a_closed_run_says_so(self, viewer: Watcher, keys: runs.RunKeys):
        viewer.frame()
        runs.close(keys.control)
        assert viewer.message(type="status")["state"] == "gone"
        with pytest.raises(ConnectionClosed):
            viewer.next()
        assert runs.find(keys.control) is None


class TestLifetimes:
    def test_a_run_pauses_when_the_last_viewer_leaves_and_goes_on_when_one_returns(self, server: str, keys: runs.RunKeys):
        with watch(server, keys.control) as viewer:
            viewer.send(do="play")
            viewer.at(20)
        wait_for(lambda: runs.find(keys.control).state == "paused", 5)
        rested = runs.find(keys.control).iteration
        time.sleep(0.3)
        assert runs.find(keys.control).iteration == rested
        with watch(server, keys.control) as viewer:
            viewer.at(rested + 10)
            viewer.send(do="pause")
            viewer.message(type="status", state="paused")
        with watch(server, keys.control) as viewer:
            viewer.frame()
            assert runs.find(keys.control).state == "paused", "who paused it wants it paused"
            viewer.send(do="play")
            viewer.message(type="status", state="training")
        wait_for(lambda: runs.find(keys.control).state == "paused", 5)
        runs.command(keys.control, "pause")
        with watch(server, keys.control) as viewer:
            viewer.frame()
            assert runs.find(keys.control).state == "paused", "also while nobody looked"

    def test_a_run_that_nobody_comes_back_to_is_discarded(self, server: str):
        created = runs.create(SMALL)
        time.sleep(1)
        assert runs.find(created.control), "a page that has just made a run has time to connect"
        with watch(server, created.control) as viewer:
            viewer.frame()
            time.sleep(2.5)
            assert runs.find(created.control), "a watched run stays"
        wait_for(lambda: runs.find(created.control) is None, 5)

    def test_a_full_server_makes_room_only_where_nobody_watches(self, server: str, keys: runs.RunKeys):
        with contextlib.ExitStack() as stack:
            stack.enter_context(watch(server, keys.control)).frame()
            others = [runs.create(SMALL) for _ in range(6)]
            assert runs.find(keys.control)
            assert runs.find(others[0].control) is None
            for other in others[1:]:
                stack.enter_context(watch(server, other.control)).frame()
            with pytest.raises(LiveError, match="All 6 places"):
                runs.create(SMALL)
            for other in others[1:]:
                runs.close(other.control)


class TestVisitors:
    def test_one_visitor_cannot_take_all_places(self, server: str, keys: runs.RunKeys):
        """Of its own runs, the one that nobody has watched for longest makes room; other people's stay."""
        with contextlib.ExitStack() as stack:
            first, second, third = (runs.create(SMALL, "a") for _ in range(3))
            stack.enter_context(watch(server, second.control)).frame()
            fourth = runs.create(SMALL, "a")
            assert runs.find(first.control) is None
            assert all(runs.find(kept.control) for kept in (second, third, fourth, keys))
            for other in (third, fourth):
                stack.enter_context(watch(server, other.control)).frame()
            with pytest.raises(LiveError, match="You have 3 runs open"):
                runs.create(SMALL, "a")
            runs.close(runs.create(SMALL, "b").control)
            for other in (second, third, fourth):
                runs.close(other.control)


def worker_pids() -> list[int]:
    return [worker.pid for worker in runs.registry()._workers if worker.usable and worker.pid]


class TestDeaths:
    def test_a_killed_worker_is_replaced_and_its_runs_go_on_from_their_checkpoints(self, viewer: Watcher, keys: runs.RunKeys):
        viewer.send(do="play")
        viewer.at(200)
        (pid,) = worker_pids()
        os.kill(pid, signal.SIGKILL)
        assert "has ended" in viewer.message(type="status", state="restarting")["words"]
        again = viewer.frame(lambda frame: 0 in frame.tail[:, 0])
        assert again.header["iteration"] > 50
        told = viewer.message(type="error")["message"]
        reached, kept = (int(number) for number in re.findall(r"iteration (\d+)", told))
        assert kept == again.header["iteration"] < reached
        assert reached >= 200
        assert "its last checkpoint" in told
        last = viewer.at(again.header["iteration"] + 50)
        points = viewer.iterations()
        since = points[max(at for at, point in enumerate(points) if point == 0) + 1 :]
        assert since == list(range(1, int(last.tail[-1, 0]) + 1))
        assert worker_pids() != [pid]

    def test_a_change_made_at_rest_survives(self, viewer: Watcher, keys: runs.RunKeys):
        runs.command(keys.control, "step")
        changed = SMALL.replace(learning_rate=0.5, clip="value")
        runs.change(keys.control, changed)
        time.sleep(0.8)
        os.kill(worker_pids()[0], signal.SIGKILL)
        wait_for(lambda: runs.find(keys.control).state == "restarting")
        wait_for(lambda: runs.find(keys.control).state == "paused")
        info = runs.find(keys.control)
        assert (info.experiment, info.iteration, info.changed_live) == (changed, 1, True)
        assert runs.trace(keys.control)[0].iteration == 1

    def test_it_can_be_had_as_it_was_at_an_earlier_checkpoint(self, keys: runs.RunKeys):
        for iteration in (1, 2):
            runs.command(keys.control, "step")
            wait_for(lambda: iteration in runs.checkpoints(keys.control))  # noqa: B023
        once, twice, now = (Trainer.restore(runs.checkpoint(keys.control, iteration)) for iteration in (1, 2, None))
        assert (once.iteration, twice.iteration) == (1, 2)
        once.step()
        assert twice.step() == once.step() == now.step()
        with pytest.raises(LiveError, match=r"The checkpoint of iteration 7 is not kept any more; choose another one\."):
            runs.checkpoint(keys.control, 7)
        with pytest.raises(LiveError):
            runs.checkpoints(keys.watch)
        runs.command(keys.control, "restart")
        wait_for(lambda: runs.find(keys.control).iteration == 0)
        assert set(runs.checkpoints(keys.control)) <= {0}

    def test_a_run_that_comes_to_rest_is_kept_at_once(self, keys: runs.RunKeys, monkeypatch: pytest.MonkeyPatch):
        run = runs.registry().find(keys.control)
        wait_for(lambda: run.checkpoint_at)
        monkeypatch.setattr(run, "_settings", dataclasses.replace(run._settings, checkpoint_every=3600.0))
        for iteration in (1, 2):
            runs.command(keys.control, "step")
            wait_for(lambda: iteration in runs.checkpoints(keys.control))  # noqa: B023
        runs.command(keys.control, "play")
        wait_for(lambda: run.iteration > 50)
        assert runs.checkpoints(keys.control)[-1] == 2
        runs.command(keys.control, "pause")
        wait_for(lambda: run.state == "paused" and runs.checkpoints(keys.control)[-1] == run.iteration)

    def test_a_young_run_is_kept_sooner(self, keys: runs.RunKeys, monkeypatch: pytest.MonkeyPatch):
        """While there is room: four of twelve are there after six twelfths of the usual time, not after three times that."""
        run = runs.registry().find(keys.control)
        monkeypatch.setattr(run, "_settings", dataclasses.replace(run._settings, checkpoint_every=12.0))
        runs.command(keys.control, "play")
        wait_for(lambda: len(runs.checkpoints(keys.control)) >= 4)

    def test_a_change_younger_than_the_checkpoint_survives(self, viewer: Watcher, keys: runs.RunKeys):
        runs.command(keys.control, "step")
        wait_for(lambda: runs.registry().find(keys.control).checkpoints.latest)
        changed = SMALL.replace(learning_rate=0.5)
        runs.change(keys.control, changed)
        os.kill(worker_pids()[0], signal.SIGKILL)
        wait_for(lambda: runs.find(keys.control).state == "restarting")
        wait_for(lambda: runs.find(keys.control).state == "paused")
        wait_for(lambda: runs.registry().find(keys.control).worker)
        assert runs.find(keys.control).experiment == changed
        assert runs.trace(keys.control)[0].iteration == 1

    def test_pages_are_told_while_no_worker_is_there(self, viewer: Watcher, keys: runs.RunKeys):
        os.kill(worker_pids()[0], signal.SIGKILL)
        wait_for(lambda: runs.find(keys.control).state == "restarting")
        with pytest.raises(LiveError):
            runs.trace(keys.control)
        other = runs.create(SMALL)
        wait_for(lambda: runs.find(keys.control).state == "ready")
        assert runs.find(other.control).state == "ready"
        runs.close(other.control)

    def test_a_run_that_takes_its_worker_with_it_again_and_again_comes_back_paused(self, viewer: Watcher, keys: runs.RunKeys):
        run = runs.registry().find(keys.control)
        viewer.send(do="play")
        viewer.at(100)
        run.deaths, run.died_at_iteration = 5, 10**9
        os.kill(worker_pids()[0], signal.SIGKILL)
        viewer.message(type="status", state="restarting")
        wait_for(lambda: runs.find(keys.control).state == "paused")


def test_keys_stay_out_of_logs(server: str, keys: runs.RunKeys, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture):
    with watch(server, keys.control) as viewer:
        viewer.socket.send("junk")
        viewer.message(type="error")
    out, err = capfd.readouterr()
    assert '"WebSocket /live/..." [accepted]' in out + err + caplog.text
    assert keys.control not in out + err + caplog.text


def test_without_a_server_pages_get_a_sentence(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runs._server, "registry", None)
    with pytest.raises(LiveError, match="streamlit run"):
        runs.find("anybody")


def test_frames_hold_no_more_than_was_asked_for(viewer: Watcher):
    viewer.frame()
    viewer.send(do="look", show=[])
    viewer.send(do="step")
    frame = viewer.frame(lambda frame: "h" not in frame.codes)
    assert list(frame.codes) == ["loss_steps"]
    assert np.isfinite(frame.values["loss_steps"]).all()
    assert json.loads(json.dumps(frame.header)) == frame.header
