// Where TBPTT(k1, k2) cuts: blocks start at steps 1, k1 + 1, 2 k1 + 1, ...; the losses of the block that starts at b reach back to
// step max(1, b - (k2 - k1)).  Without k1 nothing is cut.

/** The first step (from 0) that the loss of step s (from 0) reaches. */
export function firstReached(s, { k1, k2 }) {
  if (!k1) return 0;
  const start = s - (s % k1);
  return Math.max(0, start - (k2 - k1));
}

/**
 * The staircase between cut and kept cells of the rows `first` to `steps`, as [x, y] corners in cells from the top left; empty when
 * nothing is cut.
 */
export function staircase(first, steps, truncation) {
  const corners = [];
  for (let s = first; s < steps; s++) {
    const [x, y] = [firstReached(s, truncation), s - first];
    const before = corners.at(-1);
    if (before && before[0] !== x) corners.push([before[0], y], [x, y]);
    else if (!before) corners.push([x, y]);
  }
  const last = corners.at(-1);
  if (!last || last[0] === 0) return [];
  corners.push([last[0], steps - first]);
  return corners;
}
