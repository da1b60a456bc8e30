"""The server of the live benchmark: the real live routes and workers under Streamlit, and routes for a program that stands in for pages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import streamlit as st
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from core.experiment import Experiment
from core.series import split
from dashboard.live import fits, route, runs
from tests.benchmarks.rough_series import series

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


async def fit(request: Request) -> JSONResponse:
    """POST seconds: keep the fitting processes busy for so long, with one grid after the other; how many forms they fitted."""
    until, forms, number = time.monotonic() + (await request.json())["seconds"], 0, 0
    while time.monotonic() < until:
        number += 1
        values = series(180, 12, number)
        ticket = await asyncio.to_thread(fits.start, values, 12, split(len(values), 0.08, 0.08), 6, which=("arima", "ets"))
        while (seen := await asyncio.to_thread(fits.progress, ticket)).state == "fitting" and time.monotonic() < until:
            await asyncio.sleep(0.05)
        forms += seen.done
    await asyncio.to_thread(fits.cancel, ticket)
    return JSONResponse({"forms": forms})


ROUTES = [
    Route("/bench/runs", create, methods=["POST"]),
    Route("/bench/runs/{key}", find),
    Route("/bench/lag", lag),
    Route("/bench/fits", fit, methods=["POST"]),
]

app = st.App("blank_page.py", routes=[*route.ROUTES, *ROUTES], lifespan=lifespan)
