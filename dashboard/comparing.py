"""Comparing: what a page knows of the baselines of its series, beside which the network's forecast is shown.

The baselines are fitted by processes of their own as soon as a page shows a series; what is done is on the page while the rest goes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from threading import RLock
from typing import Any

import numpy as np

from core.baselines import BASELINES, Options, unreadable
from core.experiment import Experiment
from core.forecast import LEVEL, Array, Forecast
from core.scoreboard import Board, covered, score
from core.series import Series, Split, make_series, split
from dashboard.live import fits
from dashboard.live.fits import FitProgress, LiveError, Result
from dashboard.live.frames import plain

DIGITS = 6
"""Significant digits of a forecast on its way to the browser."""


@dataclass
class Comparison:
    """The baselines of one series with one horizon.

    asked: what was asked for, of which series and with which options.   ticket: by which to ask after it.
    results, lines: of the baselines that are done; `lines` as the live picture takes them.
    problem: why there is nothing, or nothing more.
    options: what was chosen last about the baselines and could be read.   unreadable: option -> why what is written there cannot be.
    """

    asked: Any = None
    ticket: str = ""
    series: Series | None = None
    parts: Split | None = None
    progress: FitProgress | None = None
    results: Mapping[str, Result] = field(default_factory=dict)
    lines: list[dict[str, Any]] = field(default_factory=list)
    problem: str = ""
    options: Options = field(default_factory=Options)
    unreadable: Mapping[str, str] = field(default_factory=dict)
    lock: RLock = field(default_factory=RLock, compare=False, repr=False)
    """Held while it is asked: Streamlit starts the next run of a script before the last has ended, and that one, finding it asked, would
    draw a page that waits for nothing."""

    @property
    def going_on(self) -> bool:
        """Whether more is to come."""
        return self.progress is not None and self.progress.state == "fitting"

    def board(self, forecast: Forecast) -> Board:
        """The scores of a forecast of this series."""
        if self.series is None or self.parts is None:
            return {}
        return score(self.series.values, self.parts, self.series.period, forecast)

    def covered(self, forecast: Forecast) -> Mapping[str, float]:
        """Part -> the share of its values inside the forecast's intervals."""
        if self.series is None or self.parts is None:
            return {}
        return covered(self.series.values, self.parts, forecast)


def follow(held: Comparison, experiment: Experiment, options: Options) -> None:
    """Ask for the baselines of the experiment's series, once, and take over what is done.

    options: as they are written.  One that cannot be read stays as it was, and so does all that was fitted.
    """
    if experiment.task != "series":
        _forget(held)
        return
    series = [
        getattr(experiment, name) for name in ("series", "values", "points", "season", "noise", "seed", "horizon", "validation", "test")
    ]
    with held.lock:
        held.unreadable = unreadable(options)
        held.options = replace(options, **{name: getattr(held.options, name) for name in held.unreadable})
        asked = (series, held.options)
        if held.asked != asked:
            stays = _unchanged(held, *asked)
            _forget(held)
            held.asked = asked
            begin(held, experiment)
            _take(held, stays)  # what is found again stays there meanwhile
        look(held)


def begin(held: Comparison, experiment: Experiment) -> None:
    """Begin to fit, again after it was cancelled."""
    held.problem = ""
    try:
        held.series = make_series(experiment)
        held.parts = split(len(held.series.times), experiment.validation, experiment.test)
        held.ticket = fits.start(held.series.values, held.series.period, held.parts, experiment.horizon, options=held.options)
    except (LiveError, ValueError) as error:
        held.problem = str(error)


def look(held: Comparison) -> None:
    """Take over what is done."""
    with held.lock:
        if not held.ticket or (held.progress is not None and held.progress.state == "done"):
            return
        try:
            progress = fits.progress(held.ticket)
            results = fits.result(held.ticket)
        except LiveError as error:
            held.problem, held.progress = str(error), None
            return
        held.progress = progress
        _take(held, results)


def _take(held: Comparison, results: Mapping[str, Result]) -> None:
    """Results, beside those that are there."""
    found = {**held.results, **results}
    if found.keys() != held.results.keys():
        held.results = {name: found[name] for name in BASELINES if name in found}
        held.lines = [_line(held, name, result.forecast) for name, result in held.results.items() if result.forecast]


def cancel(held: Comparison) -> None:
    """Give up what is not done."""
    try:
        fits.cancel(held.ticket)
    except LiveError as error:
        held.problem = str(error)
    look(held)


def _unchanged(held: Comparison, series: list[Any], options: Options) -> dict[str, Result]:
    """What is found of this series by the baselines to which these options mean the same."""
    if held.asked is None or held.asked[0] != series:
        return {}
    before: Options = held.asked[1]
    changed = {option for option in Options.__dataclass_fields__ if getattr(before, option) != getattr(options, option)}
    return {name: result for name, result in held.results.items() if changed.isdisjoint(BASELINES[name].options)}


def _forget(held: Comparison) -> None:
    held.asked, held.ticket, held.series, held.parts, held.progress = None, "", None, None, None
    held.results, held.lines, held.problem = {}, [], ""


def _line(held: Comparison, name: str, forecast: Forecast) -> dict[str, Any]:
    """A forecast as the live picture draws it."""
    return {
        "name": name,
        "place": list(BASELINES).index(name),
        "label": BASELINES[name].label,
        "values": _short(forecast.values),
        "lower": None if forecast.lower is None else _short(forecast.lower),
        "upper": None if forecast.upper is None else _short(forecast.upper),
        "scores": plain(held.board(forecast)),
        "level": LEVEL,
        "covered": plain(held.covered(forecast)),
    }


def _short(values: Array) -> list[list[float]]:
    return [[float(f"{number:.{DIGITS}g}") for number in row] for row in np.asarray(values).tolist()]
