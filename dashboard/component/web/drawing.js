// A field in which a series is drawn from left to right.  Each place along it holds one number or none; letting go hands the curve over.

import { adopt, make, write } from "./dom.js";
import style from "./drawing.css" with { type: "css" };
import { sharp } from "./heatmap.js";
import { mounted } from "./mounting.js";
import { fill } from "./numbers.js";
import { inWords } from "./words.js";

const HEIGHT = 150;
const MARGIN = 8;
const [SMALL, LARGE] = [1, 10]; // of a hundred, for one press of a key

export default mounted((root, data) => new Drawing(root, data));

/** From the first number to the last; gaps between them are bridged with straight lines. */
export function bridged(points) {
  const there = points.flatMap((value, i) => (value === null ? [] : [i]));
  const curve = [];
  there.forEach((at, n) => {
    const from = there[n - 1] ?? at;
    for (let i = from + 1; i < at; i++) curve.push(points[from] + ((i - from) / (at - from)) * (points[at] - points[from]));
    curve.push(points[at]);
  });
  return curve.map((value) => Math.round(value * 10) / 10);
}

class Drawing {
  constructor(root, { points, top, fewest }) {
    Object.assign(this, { top, fewest, w: inWords().drawing, points: Array(points).fill(null), pen: { at: 0, value: top / 2 }, stroke: null });
    this.#build(root);
    this.resized = new ResizeObserver(() => this.#paint());
    this.resized.observe(this.field);
  }

  #build(root) {
    const { w } = this;
    this.canvas = make("canvas", { tabindex: "0", role: "application", "aria-label": w.label });
    this.invitation = make("p", { class: "invitation", text: w.invitation, "aria-hidden": "true" });
    this.field = make("div", { class: "field" }, this.canvas, this.invitation);
    this.clear = make("button", { type: "button", text: w.clear, title: w.clearTip, on: { click: () => this.#clear() } });
    this.said = make("output", { "aria-live": "polite" });
    this.element = make("div", { class: "drawing" }, make("header", {}, make("h4", { text: w.title }), this.clear), this.field, this.said);
    adopt(root, style);
    root.append(this.element);
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.#down(event));
    canvas.addEventListener("pointermove", (event) => this.#move(event));
    canvas.addEventListener("pointerup", (event) => this.#up(event));
    canvas.addEventListener("pointercancel", (event) => this.#up(event));
    canvas.addEventListener("keydown", (event) => this.#key(event));
    canvas.addEventListener("focus", () => this.#paint());
    canvas.addEventListener("blur", () => this.#left());
  }

  /** What stands in the experiment, unless that is what was drawn here; and a new theme. */
  accept({ data, setTriggerValue }) {
    this.setTriggerValue = setTriggerValue;
    const given = JSON.stringify(data.values);
    if (given !== this.given && given !== this.sent && !this.stroke) {
      this.points = this.points.map((_, i) => data.values[i] ?? null);
      if (this.sent) write(this.said, ""); // what it said was of the curve that stood here before
      this.sent = null;
    }
    this.given = given;
    this.#paint();
  }

  // ---- pointer and finger -----------------------------------------------------------------------------------------------------

  #down(event) {
    if (event.button) return;
    event.preventDefault();
    this.canvas.focus({ preventScroll: true });
    this.canvas.setPointerCapture(event.pointerId);
    this.stroke = event.pointerId;
    this.last = null;
    this.#move(event);
  }

  #move(event) {
    if (this.stroke !== event.pointerId) return;
    const events = event.getCoalescedEvents?.() ?? [];
    for (const one of events.length ? events : [event]) this.#to(this.#placeOf(one));
    this.#paint();
  }

  #up(event) {
    if (this.stroke !== event.pointerId) return;
    this.stroke = null;
    this.#hand();
  }

  #placeOf(event) {
    const box = this.canvas.getBoundingClientRect();
    const last = this.points.length - 1;
    const within = (share) => Math.min(Math.max(share, 0), 1);
    return {
      at: Math.round(within((event.clientX - box.left - MARGIN) / (box.width - 2 * MARGIN)) * last),
      value: within(1 - (event.clientY - box.top - MARGIN) / (box.height - 2 * MARGIN)) * this.top,
    };
  }

  /** Draws on to a place: a quick hand skips places, which take what lies on the straight way. */
  #to({ at, value }) {
    const from = this.last ?? { at, value };
    const step = at < from.at ? -1 : 1;
    for (let i = from.at; i !== at; i += step) {
      if (i !== from.at) this.points[i] = from.value + ((i - from.at) / (at - from.at)) * (value - from.value);
    }
    this.points[at] = value;
    this.last = this.pen = { at, value };
  }

  // ---- keys -------------------------------------------------------------------------------------------------------------------

  #key(event) {
    const { pen, points } = this;
    const size = (event.shiftKey ? LARGE : SMALL) * (this.top / 100);
    const ups = { ArrowUp: size, ArrowDown: -size, PageUp: LARGE * (this.top / 100), PageDown: -LARGE * (this.top / 100) };
    const goes = { ArrowLeft: pen.at - 1, ArrowRight: pen.at + 1, Home: 0, End: points.length - 1 };
    if (event.key in ups) this.#set(pen.at, pen.value + ups[event.key]);
    else if (event.key in goes) this.#go(goes[event.key], event.key.startsWith("Arrow"));
    else if (event.key === "Delete" || event.key === "Backspace") points[pen.at] = null;
    else if (event.key === "Enter") this.#hand();
    else return;
    event.preventDefault();
    if (event.key !== "Enter") {
      this.touched = true;
      write(this.said, fill(this.w.here, { n: pen.at + 1, all: points.length, value: points[pen.at] === null ? this.w.empty : points[pen.at].toFixed(0) }));
    }
    this.#paint();
  }

  #set(at, value) {
    this.points[at] = this.pen.value = Math.min(Math.max(value, 0), this.top);
  }

  /** The pen takes the number of the place that it comes to; an empty place next to it takes that of the pen. */
  #go(at, drawing) {
    const { pen, points } = this;
    if (at < 0 || at >= points.length) return;
    if (drawing && points[pen.at] === null) points[pen.at] = pen.value;
    pen.at = at;
    if (points[at] !== null) pen.value = points[at];
    else if (drawing) points[at] = pen.value;
  }

  #left() {
    if (this.touched) this.#hand();
    this.#paint();
  }

  // ---- what comes of it -------------------------------------------------------------------------------------------------------

  #hand() {
    this.touched = false;
    const curve = bridged(this.points);
    if (curve.length < this.fewest) {
      write(this.said, fill(this.w.short, { n: curve.length, fewest: this.fewest }));
      return;
    }
    write(this.said, fill(this.w.taken, { n: curve.length }));
    const sent = JSON.stringify(curve);
    if (sent === this.sent) return;
    this.sent = sent;
    this.setTriggerValue("drawn", curve);
  }

  #clear() {
    this.points.fill(null);
    Object.assign(this, { sent: null, touched: false, pen: { at: 0, value: this.top / 2 } });
    write(this.said, this.w.cleared);
    this.#paint();
  }

  #paint() {
    const width = this.field.clientWidth;
    if (!width) return;
    const { points, pen, top } = this;
    const nothing = points.every((value) => value === null);
    this.invitation.hidden = !nothing;
    this.clear.disabled = nothing;
    const context = sharp(this.canvas, width, HEIGHT);
    const style = getComputedStyle(this.canvas);
    const x = (at) => MARGIN + (at / (points.length - 1)) * (width - 2 * MARGIN);
    const y = (value) => HEIGHT - MARGIN - (value / top) * (HEIGHT - 2 * MARGIN);
    context.fillStyle = getComputedStyle(this.element).color;
    context.globalAlpha = 0.12;
    for (const level of [0, top / 2, top]) context.fillRect(MARGIN, Math.round(y(level)), width - 2 * MARGIN, 1);
    context.globalAlpha = 1;
    context.strokeStyle = context.fillStyle = style.color;
    context.lineWidth = 2;
    context.lineJoin = context.lineCap = "round";
    context.beginPath();
    points.forEach((value, at) => {
      if (value === null) return;
      if (at && points[at - 1] !== null) context.lineTo(x(at), y(value));
      else {
        context.moveTo(x(at) - 0.5, y(value));
        context.lineTo(x(at), y(value));
      }
    });
    context.stroke();
    if (this.canvas.matches(":focus-visible")) {
      context.beginPath();
      context.arc(x(pen.at), y(pen.value), 4, 0, 2 * Math.PI);
      context.fill();
    }
  }

  dispose() {
    this.resized.disconnect();
    this.element.remove();
  }
}
