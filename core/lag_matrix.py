"""The lag matrix: dL_s/dh_t for every loss s and every step t <= s, and how much of it a truncation keeps.

`Lag` is the walk of `core.bptt.Backward` with the loss of every step kept apart: all rows go back together, as the windows of TBPTT(1, T),
so that a whole matrix takes one pass and not T.  Summed over the cells that a truncation keeps, its vectors are the truncated dL/dh_t.

Letters: T steps, B sequences, H hidden units.  Row s is the loss, column t the state; NaN where there is no path (s < t).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from core.attention import Paths, lags_together
from core.bptt import Backward, Errors, State, Unrolled, backward, descend
from core.hooks import Hooks
from core.trace import Array
from core.truncation import TBPTT
from core.vector_norms import norms, plain

VECTORS = 2**26
"""The most numbers that `lag_vectors` will hold at once."""


class Lag(Backward):
    """The backward pass with every loss kept apart: row s of the lag matrix is the error of L_s alone.

    Never holds (T, T, B, H) where that is large: the vectors of a few lags at a time (`core.attention.lags_together`) become norms over
    units, and, where a truncation's `reach` (T, T) is given, the sum over the cells that it keeps, which must be the truncated dL/dh_t.
    with_c: whether c's are looked at, too.   ValueError where the paths are of another shape than direct.
    """

    def __init__(
        self,
        unrolled: Unrolled,
        direct: Tensor,
        reach: Array | None = None,
        paths: Paths | None = None,
        beyond: State | None = None,
        *,
        with_c: bool = True,
    ) -> None:
        if paths and paths.d_read.shape != direct.shape:
            raise ValueError(f"direct is {tuple(direct.shape)}, but the paths of attention are {tuple(paths.d_read.shape)}.")
        self.turns = lags_together(direct)
        self._states = unrolled.cell.states if with_c else unrolled.cell.states[:1]
        super().__init__(unrolled, direct, TBPTT(1, len(direct)), paths=paths, beyond=beyond)
        self._reach: Array | None = None
        self._keep: list[Tensor | None] = [None] * -(-self._steps // self.turns)
        self.keep(reach)

    def begin(
        self, unrolled: Unrolled, direct: Tensor, hooks: Hooks | None = None, paths: Paths | None = None, beyond: State | None = None
    ) -> None:
        super().begin(unrolled, direct, hooks, paths, beyond)
        # The rows after the last are where the diagonals of the first few columns end that are written with longer ones.
        square = (self._steps + self.turns, self._steps, self._batch)
        self._plain = True
        self._norms = [[direct.new_full(square, float("nan")) for _ in self._states] for _ in unrolled.layers]
        self._kept = [[torch.zeros_like(direct) for _ in self._states] for _ in unrolled.layers]

    def keep(self, reach: Array | None) -> None:
        """Add up the cells that this `reach` keeps."""
        if reach is None:
            self._keep = [None] * len(self._keep)
        elif self._reach is None or not np.array_equal(reach, self._reach):
            # For every few lags (lag, t, 1, 1): 1 where the cell (t + lag, t) is kept, 0 where it is cut; None where all are.
            below = np.concatenate((reach, np.zeros_like(reach)))
            by_lag = np.lib.stride_tricks.as_strided(below, reach.shape, (below.strides[0], sum(below.strides)))
            kept = torch.as_tensor(by_lag.astype(float))[..., None, None].to(self._direct.dtype)
            self._keep = [lags if lags.any() else None for lags in kept.split(self.turns)]
        self._reach = reach

    @property
    def matrix(self) -> LagMatrix:
        """What was found, once the walk is done."""
        h, *c = (tuple(norms[: self._steps] for norms in kind) for kind in zip(*self._norms, strict=True))
        kept_h, *kept_c = (tuple(kind) for kind in zip(*self._kept, strict=True))
        return LagMatrix(h, c[0] if c else (), kept_h, kept_c[0] if kept_c else ())

    def _visit(self, layer: int, r: int, back: int, dh: Tensor, dc: Tensor) -> None:
        # Each window is one loss s, `back` steps ahead of the step t at which it stands.
        if (back + 1) % self.turns == 0 or back == self._steps - 1:
            self._look(layer, range(back - back % self.turns, back + 1))

    def _look(self, layer: int, lags: range) -> None:
        """Look at what has travelled so far."""
        for travelling, matrix, kept in zip(self._travelling[layer], self._norms[layer], self._kept[layer], strict=False):
            self._note(self._errors(travelling, lags), self._cells(matrix, lags), lags, kept)

    def _cells(self, matrix: Tensor, lags: range) -> Tensor:
        """(lags, N, B), the cells (t + lag, t); of the longer lags, the last ones lie below the matrix."""
        down, across, _ = matrix.stride()
        return matrix.as_strided((len(lags), self._steps - lags.start, self._batch), (down, down + across, 1), lags.start * down)

    def _note(self, errors: Tensor, cells: Tensor, lags: range, kept: Tensor) -> None:
        """Write the norms of some lags, and add up what is kept."""
        self._measure(errors, cells)
        # Of each loss, the longest lag tells first: errors grow or fade on their way back.
        longest = torch.cat((cells[:, 0], cells[-1, : self._steps - lags[-1]]))
        if self._plain and not plain(longest):
            self._plain = False
            self._measure(errors, cells)
        keep = self._keep[lags.start // self.turns]
        if keep is not None:
            steps = errors.shape[1]
            if not self._plain:  # 0 times what exploded is no 0
                errors = errors.masked_fill(keep[:, :steps] == 0, 0.0)
            kept[:steps] += (errors * keep[:, :steps]).sum(0)

    def _measure(self, errors: Tensor, out: Tensor) -> None:
        """Norms over units."""
        if not self._plain:
            out.copy_(norms(errors))
        elif out.dtype == torch.float64:
            torch.linalg.vector_norm(errors, dim=-1, out=out)
        else:
            out.copy_(torch.linalg.vector_norm(errors, dim=-1, dtype=torch.float64))


class AttendedLag(Lag):
    """The same where the top layer is attended to: dL_s/dh_t also in two, what comes along attention alone and what recurrence brings.

    Along attention alone means from h_t straight to the output of step s, and from a lower layer up through step t; at s = t it is the
    whole, through the step's own output.
    """

    def begin(
        self, unrolled: Unrolled, direct: Tensor, hooks: Hooks | None = None, paths: Paths | None = None, beyond: State | None = None
    ) -> None:
        super().begin(unrolled, direct, hooks, paths, beyond)
        self._alone = direct
        self._along, self._across = ([torch.full_like(norms[0], float("nan")) for norms in self._norms] for _ in range(2))

    @property
    def matrix(self) -> LagMatrix:
        along, across = (tuple(cells[: self._steps] for cells in kind) for kind in (self._along, self._across))
        for cells in across:
            cells.diagonal().fill_(float("nan"))
        return replace(super().matrix, attention=along, recurrence=across)

    def _look(self, layer: int, lags: range) -> None:
        super()._look(layer, lags)
        cell, layers = self.unrolled.cell, self.unrolled.layers
        errors = self._errors(self._travelling[layer][0], lags)
        if layer == len(layers) - 1:
            alone = self._sent
        else:
            place = self._places[self._steps - 1 - lags.start] or self._place(self._steps - 1 - lags.start)
            alone = descend(cell, place.slopes[layer + 1], self._alone.flatten(1, 2), layers[layer + 1]).view_as(errors)
        self._alone = alone
        self._measure(alone, self._cells(self._along[layer], lags))
        if cell.recurrent:
            self._measure(errors - alone, self._cells(self._across[layer], lags))


@dataclass(frozen=True)
class LagMatrix:
    """|dL_s/dh_t| and |dL_s/dc_t| for each layer, (T, T, B), rows s, columns t, NaN above the diagonal; unmasked.

    kept_h, kept_c: the vectors of the kept cells, summed over s, (T, B, H) a layer; empty unless a reach was given.
    attention, recurrence: the norms of the two vectors that make up dL_s/dh_t, see `AttendedLag`; empty without attention.  The second is
    NaN in the diagonal, and where a model has no recurrence.
    """

    h: tuple[Tensor, ...]
    c: tuple[Tensor, ...]
    kept_h: tuple[Tensor, ...] = ()
    kept_c: tuple[Tensor, ...] = ()
    attention: tuple[Tensor, ...] = ()
    recurrence: tuple[Tensor, ...] = ()

    def named(self) -> dict[str, tuple[Tensor, ...]]:
        """The norms that there are, by their names in a Trace."""
        norms = {"lag_h": self.h, "lag_c": self.c, "lag_attention": self.attention, "lag_recurrence": self.recurrence}
        return {name: matrices for name, matrices in norms.items() if matrices}


class LagSweep:
    """Sweeps lag matrices, and keeps the room of the last for the next of the same shape."""

    def __init__(self) -> None:
        self._shape: tuple[object, ...] = ()
        self._walk: Lag

    @torch.inference_mode()
    def __call__(
        self,
        unrolled: Unrolled,
        direct: Tensor,
        reach: Array | None = None,
        paths: Paths | None = None,
        beyond: State | None = None,
        *,
        with_c: bool = True,
    ) -> LagMatrix:
        """The error norms of every loss at every earlier state; see `Lag`."""
        looks_at_c = with_c and "c" in unrolled.cell.states
        shape = (direct.shape, direct.dtype, unrolled.cell, len(unrolled.layers), paths is None, looks_at_c)
        if self._shape == shape:
            self._walk.begin(unrolled, direct, paths=paths, beyond=beyond)
            self._walk.keep(reach)
        else:
            self._walk, self._shape = (AttendedLag if paths else Lag)(unrolled, direct, reach, paths, beyond, with_c=with_c), shape
        walk = self._walk
        for _ in range(walk.position):
            walk.step()
        found = walk.matrix
        return found if reach is not None else replace(found, kept_h=(), kept_c=())


def lag_matrix(unrolled: Unrolled, direct: Tensor, reach: Array | None = None, paths: Paths | None = None) -> LagMatrix:
    """The error norms of every loss at every earlier state, in one sweep; see `Lag`."""
    return LagSweep()(unrolled, direct, reach, paths)


@torch.inference_mode()
def lag_row(unrolled: Unrolled, direct: Tensor, s: int, paths: Paths | None = None) -> Errors:
    """One row of the lag matrix as vectors: dL_s/dh_t and dL_s/dc_t for every t <= s, (s + 1, B, H) a layer.  s counts from 0."""
    alone = torch.zeros_like(direct[: s + 1])
    alone[s] = direct[s]
    return backward(unrolled.section(slice(s + 1)), alone, paths=paths.alone(s) if paths else None)


def lag_vectors(unrolled: Unrolled, direct: Tensor, paths: Paths | None = None) -> tuple[Tensor, ...]:
    """All dL_s/dh_t as vectors, (T, T, B, H) a layer, NaN above the diagonal.  ValueError beyond `VECTORS` numbers."""
    steps, batch, hidden = direct.shape
    size = len(unrolled.layers) * steps * steps * batch * hidden
    if size > VECTORS:
        raise ValueError(f"The lag matrix of {steps} steps has {size:,} numbers as vectors; at most {VECTORS:,} are held. Ask for rows.")
    vectors = tuple(direct.new_full((steps, steps, batch, hidden), float("nan")) for _ in unrolled.layers)
    for s in range(steps):
        for layer, dh in enumerate(lag_row(unrolled, direct, s, paths).dh):
            vectors[layer][s, : s + 1] = dh
    return vectors
