"""Sources: the series that an experiment may ask for, shipped, made, or its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from core.experiment import Experiment, InvalidExperiment
from core.series import generators
from core.series.series import InvalidSeries, Series
from core.series.shipped import SHIPPED, shipped
from core.series.values import read_values


@dataclass(frozen=True, slots=True)
class Source:
    """Where a series comes from.  label, help, options: as `core.catalogue.Member`."""

    label: str
    help: str
    options: tuple[str, ...]
    build: Callable[[Experiment], Series]

    def make(self, experiment: Experiment) -> Series:
        """The series, with the season that the experiment names; InvalidExperiment, field by field, where there is none."""
        series = self.build(experiment)
        if 2 * experiment.season > len(series.times):
            most = len(series.times) // 2
            raise InvalidExperiment({"season": f"A season must fit twice into the {len(series.times)} points: choose 0 to {most}."})
        return replace(series, period=experiment.season) if experiment.season else series


def make_series(experiment: Experiment) -> Series:
    """The series of an experiment; InvalidExperiment where there is none."""
    if experiment.series not in SERIES:
        raise InvalidExperiment({"series": f"Series must be one of {', '.join(SERIES)}."})
    return SERIES[experiment.series].make(experiment)


def _own(experiment: Experiment) -> Series:
    try:
        return read_values(experiment.values)
    except InvalidSeries as error:
        raise InvalidExperiment({"values": str(error)}) from error


def _shipped(name: str) -> Source:
    return Source(SHIPPED[name].title, SHIPPED[name].help, (), lambda _: shipped(name))


def _made(label: str, help: str, formula: generators.Formula, *, seasonal: bool = True) -> Source:
    return Source(label, help, ("points", "noise"), generators.made(label, formula, seasonal=seasonal))


SERIES: dict[str, Source] = {
    **{name: _shipped(name) for name in SHIPPED},
    "sine": _made("Sine mixture", "Two sines, one of a season and one of two and a half, with noise.", generators.sine),
    "sawtooth": _made("Sawtooth", "A straight rise that falls back once a season, with noise.", generators.sawtooth),
    "damped": _made("Damped oscillation", "A swing of one season that dies away, with noise.", generators.damped),
    "logistic": _made("Logistic map", "Chaos: exact for one step, hopeless for ten, with noise.", generators.logistic, seasonal=False),
    "trend": _made("Trend and season", "A season on a straight slope, with noise.", generators.trend),
    "own": Source("Own", "Values of your own: drawn, typed, or from a CSV file.", ("values",), _own),
}
