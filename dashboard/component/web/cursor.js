// One cursor for all panels: step t (a column), in the lag matrix also loss step s (a row), and the unit under the pointer.
// Hover moves it; a click or Enter pins it, so that hovering leaves it alone; Escape lets it go again.

export class Cursor {
  constructor(moved) {
    this.moved = moved;
    this.steps = 0;
    this.s = this.t = 0;
    this.unit = null;
    this.pinned = false;
  }

  /** A new axis: keeps the place when it exists there, else takes the middle column, as seen from the last loss. */
  resize(steps) {
    if (steps === this.steps) return;
    this.steps = steps;
    this.pinned = false;
    this.unit = null;
    this.t = Math.floor((steps - 1) / 2);
    this.s = Math.max(steps - 1, 0);
    this.moved();
  }

  #set(t, s, unit) {
    const last = this.steps - 1;
    if (last < 0) return;
    t = Math.min(Math.max(t, 0), last);
    s = Math.min(Math.max(s ?? this.s, 0), last);
    if (t === this.t && s === this.s && unit === this.unit) return;
    Object.assign(this, { t, s, unit });
    this.moved();
  }

  hover({ t, s = null, unit = null }) {
    if (!this.pinned) this.#set(t, s, unit);
  }

  /** Pins here; a second click on the pinned place lets go. */
  click({ t, s = null, unit = null }) {
    const same = this.pinned && t === this.t && (s === null || s === this.s);
    this.pinned = !same;
    this.#set(t, s, unit);
    this.moved();
  }

  /** Arrow keys: columns by dt, loss steps by ds.  They move a pinned cursor too. */
  move(dt, ds) {
    this.#set(this.t + dt, this.s + ds, this.unit);
  }

  pin(pinned = true) {
    if (this.pinned === pinned) return;
    this.pinned = pinned;
    this.moved();
  }
}
