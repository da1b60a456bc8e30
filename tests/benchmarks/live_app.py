"""The server of the live benchmark: the real live routes and workers under Streamlit, and routes for a program that stands in for pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.experiment import Experiment
from dashboard.live import route, runs

TICK = 0.005
"""Seconds of the sleeps by which the event loop's lag is measured."""

lags: list[float] = []


async def watch_loop() -> None:
    """Note by how much each short sleep took too long."""
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        await asyncio.sleep(TICK)
        lags.append(loop.time() - began - TICK)


@asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[dict[str, Any]]:
    async with route.lifespan(app) as state:
        watching = asyncio.create_task(watch_loop())
        yield state
        watching.cancel()


async def create(request: Request) -> JSONResponse:
    """POST an experiment's fields: the keys of a new run."""
    registry = runs.registry()
    await registry.started()
    run = await registry.create(Experiment.from_dict(await request.json()))
    return JSONResponse({"control": run.control, "watch": run.watch})


async def find(request: Request) -> JSONResponse:
    """The state and the iteration of a run."""
    info = runs.find(request.path_params["key"])
    return JSONResponse({"state": info.state, "iteration": info.iteration} if info else {"state": "gone", "iteration": 0})


async def lag(_: Request) -> JSONResponse:
    """The 99th percentile of the loop's lag since the last call, in milliseconds."""
    ordered = sorted(lags)
    lags.clear()
    return JSONResponse({"p99": 1000 * ordered[int(0.99 * len(ordered))] if ordered else 0.0})


ROUTES = [Route("/bench/runs", create, methods=["POST"]), Route("/bench/runs/{key}", find), Route("/bench/lag", lag)]

app = st.App("blank_page.py", routes=[*route.ROUTES, *ROUTES], lifespan=lifespan)
