"""Forecasting baselines: what a network's forecast has to beat.

Each is fitted once to the training part and forecasts by rolling origin, as `core.forecast` says.  Adding one: a subclass of `Baseline`
and its line below.
"""

from __future__ import annotations

from collections.abc import Mapping

from core.baselines.arima import ARIMA
from core.baselines.baseline import Baseline, Fitted, NoFit, Options, Parameter
from core.baselines.ets import ETS
from core.baselines.naive import Drift, Naive, SeasonalNaive

__all__ = ["BASELINES", "Baseline", "Fitted", "NoFit", "Options", "Parameter"]

BASELINES: Mapping[str, Baseline] = {member.key: member for member in (Naive(), SeasonalNaive(), Drift(), ETS(), ARIMA())}
