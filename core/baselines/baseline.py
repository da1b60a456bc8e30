"""What a forecasting baseline is: forms to choose from, a fit of each to the training part, and forecasts from it by rolling origin.

A baseline looks at one column; `core.baselines.comparison` takes several columns and several baselines.  statsmodels is imported where
it is needed and nowhere at the top of a file: the web process names baselines, too, and must not carry it.

n points of training, N of the whole series.  Intervals are at 95 %.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np

from core.forecast import Array, Forecast

QUANTILE = 1.959963984540054
"""The standard normal quantile of 97.5 %: a 95 % interval reaches this many standard deviations to either side."""
LONGEST_SEASON = 24
"""A longer season is left to the seasonal naive method: each of its steps would be one more state, or one more parameter."""

Going = Callable[[], None]
"""Called between the steps of an optimiser; what it raises ends the fit."""
Progress = Callable[[int, int, str], None]
"""Called with how many forms have been tried, how many there are, and the form that was tried last."""


class NoFit(ValueError):
    """One sentence that says why this baseline cannot be fitted to this series."""


@dataclass(frozen=True, slots=True)
class Options:
    """What can be chosen about the baselines.

    arima: "auto", or an order such as "(0,1,1)(0,1,1)" or "(2,0,0)+c" (see `core.baselines.orders`).
    ets: "auto", or error, trend and season such as "MAdM" (see `core.baselines.ets`).
    logarithm: ARIMA and ETS are fitted to the logarithm, and their forecasts are raised again (to the median).

    Each field has the "key" by which it stands in an address.
    """

    arima: str = field(default="auto", metadata={"key": "arima"})
    ets: str = field(default="auto", metadata={"key": "ets"})
    logarithm: bool = field(default=False, metadata={"key": "log"})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Parameter:
    """One fitted number, and in a short sentence what it does."""

    name: str
    value: float
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A baseline with its parameters fitted to a training part, ready for JSON with `to_dict`.

    baseline      the name in BASELINES.   form: which of its forms, as `Baseline.forms` writes it.   name: the same for readers.
    season        the season that it uses, in steps (1 = none)
    points        n, the points of the training part
    estimates     the numbers that `Baseline.predict` needs; `parameters` are the same for readers
    criteria      "aicc", "log_likelihood", "sigma2", where the method has them (sigma2 in squared units of the series)
    converged     False when the optimiser stopped before it was done; `words` then say so
    logarithm     whether it was fitted to the logarithm of the series
    """

    baseline: str
    form: str
    name: str
    season: int
    points: int
    estimates: tuple[float, ...]
    parameters: tuple[Parameter, ...]
    criteria: Mapping[str, float] = field(default_factory=dict)
    converged: bool = True
    words: str = ""
    logarithm: bool = False

    def forecast(self, values: Array, origins: Sequence[int], horizon: int) -> Forecast:
        """Forecasts of one column by rolling origin (see `core.forecast`), the parameters as they are.

        values (N,): the whole series; from each origin only what stands before it is read.
        """
        from core.baselines import BASELINES

        checked = whole(values, logarithm=self.logarithm)
        with quiet():
            value, low, high = BASELINES[self.baseline].predict(self, checked, tuple(origins), horizon)
            if self.logarithm:
                value, low, high = np.exp(value), np.exp(low), np.exp(high)
        return Forecast(self.name, value[:, None], low[:, None], high[:, None], tuple(origins))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Fitted:
        """The inverse of `to_dict`."""
        parameters = tuple(Parameter(**parameter) for parameter in values["parameters"])
        return cls(**{**values, "estimates": tuple(values["estimates"]), "parameters": parameters})


class Baseline(ABC):
    """One forecasting method.

    label, help: for readers.   options: the fields of `Options` that it reads.
    """

    key: ClassVar[str]
    label: ClassVar[str]
    help: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()

    def forms(self, train: Array, period: int, options: Options) -> tuple[str, ...]:
        """The forms among which AICc chooses; NoFit or ValueError (a bad option) with one sentence."""
        return ("",)

    @abstractmethod
    def fit_form(self, train: Array, period: int, form: str, going: Going) -> Fitted:
        """Fit one form to train (n,); NoFit with one sentence where that cannot be."""

    @abstractmethod
    def predict(self, fitted: Fitted, values: Array, origins: Sequence[int], horizon: int) -> tuple[Array, Array, Array]:
        """Forecasts, lower and upper ends, (N - first origin,) each."""

    def reads_logarithm(self, options: Options) -> bool:
        """Whether this baseline is to be fitted to the logarithm."""
        return options.logarithm and "logarithm" in self.options

    def candidates(self, train: Array, period: int, options: Options) -> tuple[str, ...]:
        """`forms` for a training part in its own units."""
        return self.forms(whole(train, logarithm=self.reads_logarithm(options)), period, options)

    def try_form(self, train: Array, period: int, form: str, options: Options, going: Going = lambda: None) -> Fitted:
        """Fit one form to a training part (n,) in its own units; NoFit with one sentence where that cannot be."""
        logarithm = self.reads_logarithm(options)
        column = whole(train, logarithm=logarithm)
        try:
            with quiet():
                fitted = self.fit_form(column, period, form, going)
        except NoFit:
            raise
        except (ArithmeticError, IndexError, ValueError, np.linalg.LinAlgError):  # of the library, for a series that it does not expect
            raise NoFit(f"{self.label} {form} could not be fitted: its equations have no solution for this series.") from None
        return _logged(fitted) if logarithm else fitted

    def fit(self, train: Array, period: int, options: Options | None = None, progress: Progress | None = None) -> Fitted:
        """The best form by AICc; NoFit with one sentence where none can be fitted."""
        options = options or Options()
        forms = self.candidates(train, period, options)
        tried: list[Fitted | NoFit] = []
        for form in forms:
            try:
                tried.append(self.try_form(train, period, form, options))
            except NoFit as refusal:
                tried.append(refusal)
            if progress:
                progress(len(tried), len(forms), form)
        return best(tried)


def best(tried: Sequence[Fitted | NoFit]) -> Fitted:
    """The fit with the least AICc, converged ones before all others; the first refusal is raised when there is none."""
    fits = [fitted for fitted in tried if isinstance(fitted, Fitted)]
    if not fits:
        raise next(refusal for refusal in tried if isinstance(refusal, NoFit))
    return min(fits, key=lambda fitted: (not fitted.converged, fitted.criteria.get("aicc", 0.0)))


def whole(values: Array, *, logarithm: bool = False) -> Array:
    """One column (n,) as float64, or its logarithm; NoFit where it cannot be read so."""
    column = np.asarray(values, float)
    if column.ndim != 1:
        raise ValueError(f"A baseline reads one column, (n,), not an array of shape {column.shape}.")
    if not np.isfinite(column).all():
        raise NoFit("The series has a value that is not finite.")
    if logarithm and (column <= 0).any():
        raise NoFit("The logarithm needs values above 0; choose another scaling.")
    return np.log(column) if logarithm else column


def season_of(period: int, points: int) -> int:
    """The season that a method with one state a step can use: `period`, or 1 when it is too long or not seen twice."""
    return period if 1 < period <= LONGEST_SEASON and points >= 2 * period + 5 else 1


def no_season(period: int, points: int) -> str:
    """Why there is no season to use, as a sentence."""
    if period <= 1:
        return "The series has no season."
    if period > LONGEST_SEASON:
        return f"A season of {period} steps is more than the {LONGEST_SEASON} that this method takes."
    return f"{points} points of training hold too little of a season of {period} steps."


def season_words(period: int, season: int, points: int) -> str:
    """Why the series' own season is not used; empty when it is, or when there is none."""
    return "" if season == period or period <= 1 else f"{no_season(period, points)} It is fitted without a season."


def aicc(log_likelihood: float, parameters: int, points: int) -> float:
    """Akaike's criterion, corrected for short series (Hurvich & Tsai 1989); infinite where there are too few points for it."""
    rest = points - parameters - 1
    return -2 * log_likelihood + 2 * parameters * points / rest if rest > 0 else np.inf


def spans(origins: Sequence[int], end: int, horizon: int) -> Iterator[tuple[int, int]]:
    """(origin, steps): how far each forecast reaches; the last one may be cut short by the end of the series."""
    for number, origin in enumerate(origins):
        following = origins[number + 1] if number + 1 < len(origins) else end
        if not origin < following <= min(origin + horizon, end):
            raise ValueError("Origins must follow each other by the horizon, up to the end of the series.")
        yield origin, following - origin


def ends(value: Array, deviation: Array) -> tuple[Array, Array, Array]:
    """A forecast with its normal interval."""
    return value, value - QUANTILE * deviation, value + QUANTILE * deviation


@contextmanager
def quiet() -> Iterator[None]:
    """Nothing is printed: what a library warns of is seen in what it found, and said in `words`."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield


def _logged(fitted: Fitted) -> Fitted:
    values = {name: getattr(fitted, name) for name in Fitted.__slots__}
    return Fitted(**{**values, "name": f"{fitted.name} of the logarithm", "logarithm": True})
