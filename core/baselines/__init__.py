"""Forecasting baselines: what a network's forecast has to beat.

Each is fitted once to the training part and forecasts by rolling origin, as `core.forecast` says.  Adding one: a subclass of `Baseline`
and its line below.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.baselines.arima import ARIMA
from core.baselines.baseline import Baseline, Fitted, NoFit, Options, Parameter
from core.baselines.ets import ETS, Form
from core.baselines.naive import Drift, Naive, SeasonalNaive
from core.baselines.orders import Order

__all__ = ["BASELINES", "Baseline", "Fitted", "NoFit", "Options", "Parameter", "unreadable"]

BASELINES: Mapping[str, Baseline] = {member.key: member for member in (Naive(), SeasonalNaive(), Drift(), ETS(), ARIMA())}


_READERS: Mapping[str, Callable[[str], object]] = {"arima": Order.parse, "ets": Form.parse}


def unreadable(options: Options) -> dict[str, str]:
    """Option -> one sentence, where what is written there cannot be read."""
    found = {}
    for name, read in _READERS.items():
        if (written := getattr(options, name)) != "auto":
            try:
                read(written)
            except ValueError as problem:
                found[name] = str(problem)
    return found
