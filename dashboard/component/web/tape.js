// The history of a run's scalars, bounded: when full, neighbours are merged into bins that keep their smallest, largest and last value.
// A spike is never lost, however long the run.

import { TAIL_FIELDS } from "./frame.js";

const FIELDS = ["first", "last", "lossLow", "lossHigh", "loss", "normLow", "normHigh", "norm", "after", "clipped", "points"];

export class Tape {
  constructor(capacity = 4096) {
    this.capacity = capacity;
    for (const field of FIELDS) this[field] = new Float64Array(capacity);
    this.clear();
  }

  clear() {
    this.bins = 0;
    this.stride = 1;
    this.iteration = 0;
    this.generation = (this.generation ?? 0) + 1;
  }

  /** Takes the tail of a frame: rows of iteration, loss, norm before, norm after, factor, share clipped. */
  extend(tail) {
    for (let at = 0; at < tail.length; at += TAIL_FIELDS) {
      // A row of iteration 0 says that the run began again.
      if (tail[at] === 0) this.clear();
      else this.#add(tail[at], tail[at + 1], tail[at + 2], tail[at + 3], tail[at + 4], tail[at + 5]);
    }
  }

  #add(iteration, loss, norm, after, factor, share) {
    // A replayed point, or one that came twice after a reconnection, is known already.
    if (iteration <= this.iteration) return;
    this.iteration = iteration;
    const clipped = factor < 1 || share > 0 ? 1 : 0;
    const open = this.bins > 0 && this.points[this.bins - 1] < this.stride;
    if (!open && this.bins === this.capacity) this.#halve();
    if (this.bins > 0 && this.points[this.bins - 1] < this.stride) {
      const bin = this.bins - 1;
      this.last[bin] = iteration;
      // Comparisons with NaN are false: an exploded loss ends the line, it does not erase the bin.
      if (loss < this.lossLow[bin]) this.lossLow[bin] = loss;
      if (loss > this.lossHigh[bin]) this.lossHigh[bin] = loss;
      if (norm < this.normLow[bin]) this.normLow[bin] = norm;
      if (norm > this.normHigh[bin]) this.normHigh[bin] = norm;
      this.loss[bin] = loss;
      this.norm[bin] = norm;
      this.after[bin] = after;
      this.clipped[bin] += clipped;
      this.points[bin] += 1;
      return;
    }
    const bin = this.bins++;
    this.first[bin] = this.last[bin] = iteration;
    this.lossLow[bin] = this.lossHigh[bin] = this.loss[bin] = loss;
    this.normLow[bin] = this.normHigh[bin] = this.norm[bin] = norm;
    this.after[bin] = after;
    this.clipped[bin] = clipped;
    this.points[bin] = 1;
  }

  #halve() {
    for (let bin = 0; bin < this.capacity / 2; bin++) {
      const [a, b] = [2 * bin, 2 * bin + 1];
      this.first[bin] = this.first[a];
      this.last[bin] = this.last[b];
      this.lossLow[bin] = Math.min(this.lossLow[a], this.lossLow[b]);
      this.lossHigh[bin] = Math.max(this.lossHigh[a], this.lossHigh[b]);
      this.loss[bin] = this.loss[b];
      this.normLow[bin] = Math.min(this.normLow[a], this.normLow[b]);
      this.normHigh[bin] = Math.max(this.normHigh[a], this.normHigh[b]);
      this.norm[bin] = this.norm[b];
      this.after[bin] = this.after[b];
      this.clipped[bin] = this.clipped[a] + this.clipped[b];
      this.points[bin] = this.points[a] + this.points[b];
    }
    this.bins = this.capacity / 2;
    this.stride *= 2;
  }

  /** The bin that holds an iteration, or the nearest one; -1 when empty. */
  at(iteration) {
    if (this.bins === 0) return -1;
    let [low, high] = [0, this.bins - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.last[middle] < iteration) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** How many of all iterations were clipped, 0..1. */
  get shareClipped() {
    let [clipped, points] = [0, 0];
    for (let bin = 0; bin < this.bins; bin++) {
      clipped += this.clipped[bin];
      points += this.points[bin];
    }
    return points ? clipped / points : 0;
  }
}
