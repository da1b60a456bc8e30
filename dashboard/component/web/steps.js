// A trace of a figure that is drawn at one of several steps, such as the boundary of a truncation at each K.  One goes through them with
// the slider below it, by mouse, finger or keys, or drags the line itself; no server is asked.

import { make } from "./dom.js";

const EDGE = 0.5; // the left side of the first cell
const NEAR = { mouse: 8, pen: 10, touch: 18 }; // px from the line

export class Steps {
  /** `element`: what Plotly draws in.  `label`: of the slider. */
  constructor(element, label) {
    Object.assign(this, { element, held: null });
    this.slider = make("input", { type: "range", min: "0", step: "1", hidden: true, "aria-label": label, on: { input: () => this.#show(this.at) } });
    this.ending = new AbortController();
    const listen = (type, listener) => element.addEventListener(type, listener, { capture: true, passive: false, signal: this.ending.signal });
    listen("pointerdown", (event) => this.#grab(event));
    listen("pointermove", (event) => this.#drag(event));
    for (const type of ["pointerup", "pointercancel"]) listen(type, ({ pointerId }) => pointerId === this.held && (this.held = null));
    listen("pointerleave", ({ target }) => target === element && element.classList.remove("near"));
    // Plotly would zoom, and a finger scroll.
    for (const type of ["mousedown", "touchstart"]) listen(type, (event) => this.held !== null && [event.preventDefault(), event.stopImmediatePropagation()]);
  }

  get at() {
    return this.slider.valueAsNumber;
  }

  /** `steps`: trace (its index), first, words and lines (x, y), one of each for every step.  What was chosen stays while there are as many. */
  set(steps) {
    const same = this.steps?.words.length === steps.words.length && this.steps.first === steps.first;
    this.steps = steps;
    this.slider.max = String(steps.words.length - 1);
    if (!same) this.slider.value = String(steps.first);
  }

  /** The chosen step into a figure that is to be drawn. */
  write(traces, layout) {
    const [x, y] = this.steps.lines[this.at];
    Object.assign(traces[this.steps.trace], { x, y });
    layout.title.text = this.#tell();
  }

  drawn() {
    this.slider.hidden = false;
  }

  #show(at) {
    this.slider.value = String(at);
    const [x, y] = this.steps.lines[at];
    // The height of now: on a full screen Plotly would go back to the one that the figure came with.
    const layout = { "title.text": this.#tell(), height: this.element.offsetHeight };
    window.Plotly.update(this.element, { x: [x], y: [y] }, layout, [this.steps.trace]);
  }

  #tell() {
    const told = this.steps.words[this.at];
    this.slider.setAttribute("aria-valuetext", told.replaceAll("<br>", " "));
    return told;
  }

  /** Where the pointer is, in the numbers of the axes, and how many pixels one of x has; null beside the figure. */
  #place({ clientX, clientY }) {
    const { xaxis, yaxis } = this.element._fullLayout ?? {};
    if (!xaxis || !this.steps) return null;
    const { left, top } = this.element.getBoundingClientRect();
    const [right, down] = [clientX - left - xaxis._offset, clientY - top - yaxis._offset];
    if (right < 0 || right > xaxis._length || down < 0 || down > yaxis._length) return null;
    return { x: xaxis.p2d(right), y: yaxis.p2d(down), pixels: xaxis._length / Math.abs(xaxis.range[1] - xaxis.range[0]) };
  }

  #near(event) {
    const [place, line] = [this.#place(event), this.steps?.lines[this.at]];
    if (!place) return false;
    // Where nothing is cut, the line is at the left edge, from where it can be dragged again.
    const off = Math.abs(crossing(line, place.y, line[0].length ? -Infinity : EDGE) - place.x) * place.pixels;
    return off <= (NEAR[event.pointerType] ?? NEAR.mouse);
  }

  #grab(event) {
    if (event.button || !this.#near(event)) return;
    this.held = event.pointerId;
    this.element.setPointerCapture(event.pointerId);
  }

  #drag(event) {
    if (this.held === null) this.element.classList.toggle("near", this.#near(event));
    const place = event.pointerId === this.held ? this.#place(event) : null;
    if (!place) return;
    const off = this.steps.lines.map((line) => Math.abs(crossing(line, place.y, EDGE) - place.x));
    const [now, least] = [this.at, Math.min(...off)];
    const nearest = off.flatMap((distance, at) => (distance <= least + 1e-9 ? [at] : []));
    const at = nearest.reduce((best, other) => (Math.abs(other - now) < Math.abs(best - now) ? other : best));
    if (at !== now) this.#show(at);
  }

  dispose() {
    this.ending.abort();
  }
}

/** The largest x at which a line of corners passes the height `y`; `otherwise` where it never does. */
export function crossing([xs, ys], y, otherwise) {
  const passed = xs.slice(1).flatMap((x, i) => {
    const [low, high] = [ys[i], ys[i + 1]];
    if (low === high || (y - low) * (y - high) > 0) return [];
    return [xs[i] + ((x - xs[i]) * (y - low)) / (high - low)];
  });
  return Math.max(otherwise, ...passed);
}
