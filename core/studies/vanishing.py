"""Vanishing and exploding in the learner's model as it is now: how errors fade with the lag, and what makes them.

Only `study` needs torch.  T steps of the chosen sequence; N steps of a long run, the task's sequences one after another; S numbers in a
layer's state (H, or 2 H for the pair h, c of an LSTM).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from core import limits
from core.measures.decay import Decay, by_lag, fit_decay, mean_by_lag
from core.measures.saturation import Saturated, saturation
from core.studies.rows import rows_of
from core.studies.study import Progress, Refused
from core.trace import Array, Axis

if TYPE_CHECKING:
    from core.bptt import Unrolled
    from core.measures.jacobians import Recurrence
    from core.training import Trainer

LONGEST_RUN = 4096
EXPONENTS = 32
MATRICES = 64
"""Jacobians, and products of them, whose singular values are computed: evenly spread over a longer sequence."""

TOLD = 20
"""Steps of the long run between two words on how far it is."""


@dataclass(frozen=True, slots=True)
class Asked:
    """layer: from 1, the lowest; 0 is the top one.

    first_lag, last_lag: the lags that half-lives are fitted to; last_lag 0 takes all there are.
    run: N.   exponents: how many Lyapunov exponents.
    """

    layer: int = 0
    first_lag: int = 1
    last_lag: int = 0
    run: int = 600
    exponents: int = 8

    def __post_init__(self) -> None:
        bounds = {
            "layer": ("The layer", 0, limits.LAYERS),
            "first_lag": ("The first lag", 0, LONGEST_RUN),
            "last_lag": ("The last lag", 0, LONGEST_RUN),
            "run": ("The long run", 50, LONGEST_RUN),
            "exponents": ("The number of exponents", 1, EXPONENTS),
        }
        for name, (label, least, most) in bounds.items():
            value = getattr(self, name)
            if type(value) is not int or not least <= value <= most:
                raise Refused(f"{label} must be a whole number from {least} to {most}, not {value!r}.")
        if self.last_lag and self.last_lag <= self.first_lag:
            raise Refused(f"The last lag must be larger than the first, {self.first_lag}, or 0 for all there are; not {self.last_lag}.")


@dataclass(frozen=True, slots=True)
class Fade:
    """How the errors of one kind of state fade.  state: "h" or "c"; with attention also "attention" and "recurrence", the parts of h's.

    own: |dL_s/d state_s|, (T,), to which everything is relative.
    rows: |dL_s/d state_t|, (T, T), a row for each loss s, a column for each lag s - t; NaN where there is no path or no loss.
    mean: over the losses, (T,), each relative to its own error at lag 0.
    of_mean: the line through it.   of_rows: through each row.
    """

    state: str
    own: Array
    rows: Array
    mean: Array
    of_mean: Decay
    of_rows: tuple[Decay, ...]

    def half_lives(self) -> Array:
        """Of every loss whose line was fitted to three lags or more: finite ones, ascending; what grows has none."""
        found = np.array([fit.half_life for fit in self.of_rows if fit.lags > 2])
        return np.sort(found[np.isfinite(found)])


@dataclass(frozen=True, slots=True)
class Tail:
    """The error of the last loss of the long run by lag, (N,), with the same weights in both precisions.

    fit: the line through the first of them, above float64's smallest number.
    """

    double: Array
    single: Array
    fit: Decay

    @property
    def lost(self) -> int:
        """The shortest lag at which float32 has exactly 0.0 where float64 has a number above it; -1 where there is none."""
        zero = np.flatnonzero((self.single == 0) & (self.double > 0) & np.isfinite(self.double))
        return int(zero[0]) if len(zero) else -1

    @property
    def overflowed(self) -> int:
        """The lag from which on float32 has inf or NaN alone; -1 where it ends with a number."""
        there = np.flatnonzero(np.isfinite(self.single))
        first = int(there[-1]) + 1 if len(there) else 0
        return first if first < len(self.single) else -1

    @property
    def wrong(self) -> int:
        """The shortest lag from which on float32 misses float64's number by more than half of it; -1 where it never does."""
        with np.errstate(all="ignore"):
            off = np.flatnonzero((self.double > 0) & ~(np.abs(self.single - self.double) <= self.double / 2))
        return int(off[0]) if len(off) else -1

    @property
    def kept(self) -> bool:
        """Whether float32 has a number above 0 at every lag."""
        return bool((np.isfinite(self.single) & (self.single > 0)).all())


@dataclass(frozen=True, slots=True)
class Steps:
    """Singular values of D_t, the Jacobian of one step, at some steps.

    steps: (n,), from 1.   values: of D_t, (n, S), the largest first; NaN where rounding hides one.
    h_by_h, c_by_c: of an LSTM's two paths apart, (n, H), each with the other state held fixed; None without c.
    """

    steps: Array
    values: Array
    h_by_h: Array | None
    c_by_c: Array | None


@dataclass(frozen=True, slots=True)
class Products:
    """ln of the singular values of the product of the last Jacobians of the sequence, by how many there are in it.

    lags: (n,).   logs: (n, S), the largest first; -inf where one is 0, NaN where rounding hides it.
    """

    lags: Array
    logs: Array


@dataclass(frozen=True, slots=True)
class Rates:
    """Lyapunov exponents of the long run, and what an error really grew by on its way back over the same steps, in ln per step.

    values: the largest exponents, (q,).   running: lambda_1 as known after each step, (n,).
    growth: of the error, mean.   growing: the same as known after each step back, (n,).
    """

    values: Array
    running: Array
    growth: float
    growing: Array


@dataclass(frozen=True, slots=True)
class Found:
    """What there is so far; None is still to come.

    layer: from 1.   axis: labels of the T steps.
    radii: spectral radius of each gate's block of W_hh.   saturated: shares of the layer's units; see `core.studies.rows`.   Both are empty
    where there is no recurrence.
    """

    iteration: int
    layer: int
    axis: Axis
    fades: tuple[Fade, ...]
    radii: dict[str, float]
    saturated: tuple[Saturated, ...]
    tail: Tail | None = None
    steps: Steps | None = None
    products: Products | None = None
    rates: Rates | None = None

    @property
    def carrying(self) -> Fade:
        """Of the state that carries errors far: c where there is c."""
        return next((fade for fade in self.fades if fade.state == "c"), self.fades[0])

    def to_frame(self, chart: str = "") -> pd.DataFrame:
        """Tidy: chart, quantity, of (a state, a value, the number of a singular value from 1), step, lag, value; absent cells are left out.

        chart: "fading", "tail", "jacobians", "products", "rates" or "saturation" alone; all of them by default.
        """
        parts = {
            "fading": [part for fade in self.fades for part in _of_fade(fade)],
            "tail": [_by_lag(kind, getattr(self.tail, kind)) for kind in ("double", "single")] if self.tail else [],
            "jacobians": _of_steps(self.steps) if self.steps else [],
            "products": [_matrix("log_singular_value", self.products.logs, lag=self.products.lags)] if self.products else [],
            "rates": _of_rates(self.rates) if self.rates else [],
            "saturation": [*map(_of_value, self.saturated), _part("spectral_radius", [*self.radii], value=[*self.radii.values()])],
        }
        chosen = [part.assign(chart=name) for name, made in parts.items() if chart in ("", name) for part in made]
        columns = ["chart", "quantity", "of", "step", "lag", "value"]
        return pd.concat([part.reindex(columns=columns) for part in chosen], ignore_index=True)


def _part(quantity: Any, of: Any, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"quantity": quantity, "of": of, **columns})


def _by_lag(quantity: str, values: Array) -> pd.DataFrame:
    return _part(quantity, "", lag=np.arange(len(values)), value=values)


def _matrix(quantity: str, values: Array, **axis: Array) -> pd.DataFrame:
    """Singular values, (n, S), at n places of an axis."""
    (name, places), ranks = next(iter(axis.items())), values.shape[1]
    of = np.tile(np.arange(1, ranks + 1), len(values)).astype(str)
    return _part(quantity, of, **{name: np.repeat(places, ranks)}, value=values.ravel())


def _of_fade(fade: Fade) -> list[pd.DataFrame]:
    s, lag = np.nonzero(~np.isnan(fade.rows))
    error = _part("error", fade.state, step=s + 1, lag=lag, value=fade.rows[s, lag])
    return [error, _part("mean_error", fade.state, lag=np.arange(len(fade.mean)), value=fade.mean)]


def _of_steps(steps: Steps) -> list[pd.DataFrame]:
    kinds = {"singular_value": steps.values, "path_through_h": steps.h_by_h, "path_through_c": steps.c_by_c}
    return [_matrix(name, values, step=steps.steps) for name, values in kinds.items() if values is not None]


def _of_rates(rates: Rates) -> list[pd.DataFrame]:
    """The exponents, and both running means after so many steps."""
    exponents = _part("exponent", np.arange(1, len(rates.values) + 1).astype(str), value=rates.values)
    running = {"exponent_so_far": rates.running, "growth_so_far": rates.growing}
    return [exponents] + [_part(name, "1", step=np.arange(1, len(mean) + 1), value=mean) for name, mean in running.items()]


def _of_value(one: Saturated) -> pd.DataFrame:
    shares = [("low", one.low), ("high", one.high), ("off", one.off)]
    there = [(kind, share) for kind, share in shares if not np.isnan(share)]
    return _part([f"share_{kind}" for kind, _ in there], one.name, value=[share for _, share in there])


def study(trainer: Trainer, asked: Asked) -> Iterator[Progress[Found]]:
    """Measure the model as it is; it is not trained.

    Attention reads states and changes none: all but the fading errors is of the recurrence alone; of a transformer, which has none, there
    is nothing more.   `Refused` for a layer that there is not, and for a run that is too long to attend to.
    """
    from core.measures.jacobians import Recurrence

    found = _begin(trainer, asked)
    if not trainer.model.cell.recurrent:
        yield Progress(1, 1, "", found)
        return
    matrices = min(len(found.axis.inputs), MATRICES)
    total = 2 * matrices + asked.run - asked.run // 6 + 3
    yield Progress(1, total, "errors", found)
    found = replace(found, tail=_tail(trainer, asked))
    yield Progress(2, total, "both precisions", found)
    recurrence = Recurrence(_walk(trainer, [_observed(trainer)]), found.layer - 1)
    for done, steps in enumerate(_steps(recurrence), 3):
        found = replace(found, steps=steps)
        yield Progress(done, total, "Jacobians", found)
    for done, products in enumerate(_products(recurrence), 3 + matrices):
        found = replace(found, products=products)
        yield Progress(done, total, "products", found)
    for counted, rates in _rates(trainer, asked, found.layer - 1):
        found = replace(found, rates=rates)
        yield Progress(2 + 2 * matrices + counted, total, "exponents", found)
    yield Progress(total, total, "", found)


def _observed(trainer: Trainer) -> int:
    return min(trainer.observe, trainer.task.sequences - 1)


def _walk(trainer: Trainer, rows: list[int]) -> Unrolled:
    """The model along some sequences."""
    from core import bptt

    batch = trainer.task.batch(rows)
    return bptt.forward(trainer.model.cell, trainer.model.layers, trainer.model.embed(batch), mask=batch.mask)


def _begin(trainer: Trainer, asked: Asked) -> Found:
    """What needs no long run: the lag matrix of the sequence, the weights, and what is saturated."""
    from core.measures.each_loss import each_loss
    from core.measures.jacobians import spectral_radii

    model, task = trainer.model, trainer.task
    if asked.layer > len(model.layers):
        raise Refused(f"The model has {len(model.layers)} layers: there is no number {asked.layer}.")
    layer = asked.layer or len(model.layers)
    observed = _observed(trainer)
    matrices = each_loss(model, task, task.batch([observed])).matrices(layer - 1)
    return Found(
        trainer.iteration,
        layer,
        task.axis(observed),
        tuple(_fade(state, norms, matrices["c" if state == "c" else "h"].diagonal(), asked) for state, norms in matrices.items()),
        spectral_radii(model.layers[layer - 1], model.cell.gates) if model.cell.recurrent else {},
        saturation(_walk(trainer, rows_of(trainer)), layer - 1) if model.cell.recurrent else (),
    )


def _fade(state: str, matrix: Array, own: Array, asked: Asked) -> Fade:
    rows = by_lag(matrix)
    mean = mean_by_lag(rows, own)
    fits = tuple(_fit(row, asked) for row in rows)
    return Fade(state, own, rows, mean, _fit(mean, asked), fits)


def _fit(norms: Array, asked: Asked) -> Decay:
    return fit_decay(norms, asked.first_lag, asked.last_lag or None)


def _tail(trainer: Trainer, asked: Asked) -> Tail:
    """The same weights along the same long run in both precisions."""
    from core.measures.each_loss import each_loss, in_precision
    from core.measures.long_run import long_run

    heads = trainer.experiment.heads if trainer.model.attention else 0
    if heads * asked.run**2 > limits.ATTENTION_WEIGHTS:
        most = math.isqrt(limits.ATTENTION_WEIGHTS // heads)
        raise Refused(f"With attention, heads: {heads}, the long run may have at most {most:,} steps, not {asked.run:,}.")

    def errors(dtype: str) -> Array:
        model = in_precision(trainer.model, trainer.experiment, trainer.task, dtype)
        return each_loss(model, trainer.task, long_run(trainer.task, asked.run)).last_by_lag()

    double = errors("float64")
    fit = fit_decay(double, asked.first_lag, asked.last_lag or None, floor=float(np.finfo(np.float64).tiny))
    return Tail(double, errors("float32"), fit)


def _spread(count: int) -> Array:
    """At most `MATRICES` of the numbers 1 ... count, evenly spread, the last among them."""
    return np.unique(np.linspace(1, count, min(count, MATRICES)).round().astype(np.int64))


def _steps(recurrence: Recurrence) -> Iterator[Steps]:
    """The Jacobian of one step after the other."""
    from core.measures.jacobians import Paths, singular_values

    steps = _spread(recurrence.steps)
    whole, of_h, of_c = [], [], []
    for count, step in enumerate(steps, 1):
        jacobian = recurrence.jacobian(int(step) - 1)
        whole.append(singular_values(jacobian).numpy())
        if "c" in recurrence.cell.states:
            paths = Paths.of(jacobian)
            of_h.append(singular_values(paths.h_by_h).numpy())
            of_c.append(singular_values(paths.c_by_c).numpy())
        apart = (np.stack(of_h), np.stack(of_c)) if of_h else (None, None)
        yield Steps(steps[:count], np.stack(whole), *apart)


def _products(recurrence: Recurrence) -> Iterator[Products]:
    """The last Jacobian, the last two, the last three, ...; those in between at which nothing is looked are only taken along."""
    from core.measures.jacobians import Product

    product = Product(recurrence, recurrence.steps - 1)
    lags = _spread(product.most)
    logs: list[Array] = []
    for lag in lags:
        while product.lag < lag:
            product.grow()
        logs.append(product.log_singular_values().numpy())
        yield Products(lags[: len(logs)], np.stack(logs))


def _rates(trainer: Trainer, asked: Asked, layer: int) -> Iterator[tuple[int, Rates]]:
    """Forward and backward along the long run, with how many of its steps so far; a sixth of it at either end only turns the directions."""
    import torch

    from core import bptt
    from core.measures.jacobians import Recurrence
    from core.measures.long_run import long_run
    from core.measures.lyapunov import BackwardGrowth, Spectrum

    model, run = trainer.model, long_run(trainer.task, asked.run)
    recurrence = Recurrence(bptt.forward(model.cell, model.layers, model.embed(run)), layer)
    warm = asked.run // 6
    generator = torch.Generator().manual_seed(trainer.experiment.seed)
    spectrum = Spectrum(min(asked.exponents, recurrence.size), warm, generator)
    growth = BackwardGrowth(recurrence, warm, generator)
    steps = asked.run - warm
    for counted, jacobian in enumerate(recurrence.jacobians(steps), 1):
        spectrum.step(jacobian)
        growth.step()
        if counted % TOLD == 0 or counted == steps:
            yield counted, Rates(spectrum.values, spectrum.running, growth.value, growth.running)
