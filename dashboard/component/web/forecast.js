// A whole series with what is said of its last parts: by the network, sharpening while it learns, and by baselines, which stand.
// It has a time axis of its own: the other pictures show one window of this series, which is marked under it.

import { choice, make, offer, press, segments, write } from "./dom.js";
import { sharp } from "./heatmap.js";
import { fill, short } from "./numbers.js";
import { Panel } from "./panel.js";
import { Scoreboard } from "./scoreboard.js";

const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [48, 10, 18, 34, 232];
const DASHES = [[6, 3], [2, 2], [8, 3, 2, 3], [4, 2], [1, 3]];

export class Forecast extends Panel {
  constructor(texts, words) {
    const w = words.forecast;
    const zoom = segments(Object.entries(w.zooms), "whole", w.zoom, (name) => this.#zoom(name));
    const column = choice([], "", w.column, (index) => this.#column(Number(index)));
    super("forecast", texts, words, [zoom, column]);
    Object.assign(this, { w, zoom, column, zoomed: "whole", of: 0, hidden: new Set(), pointed: null, pointer: null, others: [], baselines: [], texts });
    this.canvas = make("canvas", { class: "sharp", role: "img", "aria-label": texts.title });
    this.box = make("div", { class: "plotbox", style: { height: `${HEIGHT}px` } }, this.canvas);
    this.keys = make("div", { class: "keys", role: "group", "aria-label": w.keys });
    this.scores = new Scoreboard(w);
    this.body.append(this.box, this.keys, this.scores.element);
    this.box.addEventListener("pointermove", (event) => this.#point(event.offsetX));
    this.box.addEventListener("pointerleave", () => this.#point(null));
  }

  #changed() {
    this.drawn = null;
    this.stale?.();
  }

  #point(x) {
    this.pointer = x;
    this.#changed();
  }

  #zoom(name) {
    this.zoomed = name;
    press(this.zoom, name);
    this.#changed();
  }

  #column(index) {
    this.of = index;
    this.#changed();
  }

  /** `axis`: of the run; a run that learns no series has no `axis.series`. */
  stand(axis) {
    const { series } = axis;
    this.said = null;
    if (!series) {
      this.series = null;
      return;
    }
    if (JSON.stringify(series) !== this.known) {
      this.known = JSON.stringify(series);
      this.of = 0;
      this.scores.clear();
    }
    this.series = series;
    this.start = series.times.indexOf(axis.inputs[0]);
    this.steps = axis.inputs.length;
    this.horizon = axis.experiment.horizon;
    // A network that reads the true values on its way looks one step ahead, whatever the baselines do.
    this.forced = axis.experiment.rollout === "forced" && this.horizon > 1;
    this.scores.over(series.columns.length);
    this.column.hidden = series.columns.length < 2;
    offer(this.column, series.columns.map((name, index) => [String(index), name]), String(this.of));
    write(this.line, fill(this.w.line, { name: series.name }));
    write(this.more, `${this.texts.more} ${fill(this.w.source, series)}`);
    this.#stand();
  }

  /** `baselines`: [{name, label, values, lower, upper, scores}], forecasts (n, D) of the same times as the network's. */
  beside(baselines) {
    this.baselines = baselines ?? [];
    this.#stand();
  }

  /** Those of another series may still stand there, until the page has heard of the change. */
  #stand() {
    const { series } = this;
    this.others = series ? this.baselines.filter(({ values }) => values.length === series.times.length - series.train) : [];
    this.#key();
    this.#changed();
  }

  #network() {
    return this.forced ? this.w.networkForced : this.w.network;
  }

  /** One button for each line: it shows and hides it; pointing at it shows its interval. */
  #key() {
    const lines = [["network", this.#network()], ...this.others.map(({ name, label }) => [name, label])];
    const signature = JSON.stringify([lines, this.palette?.theme]);
    if (this.keyed === signature) return;
    this.keyed = signature;
    const truth = make("span", { class: "key", title: this.w.truthTip }, swatch("currentColor", []), make("span", { text: this.w.truth }));
    this.keys.replaceChildren(truth, ...lines.map(([name, label]) => this.#button(name, label)));
  }

  #button(name, label) {
    const point = (pointed) => {
      this.pointed = pointed;
      this.#changed();
    };
    return make(
      "button",
      {
        type: "button", class: "key", "aria-pressed": String(!this.hidden.has(name)), title: fill(this.w.toggle, { name: label }),
        on: {
          click: (event) => {
            if (!this.hidden.delete(name)) this.hidden.add(name);
            event.currentTarget.setAttribute("aria-pressed", String(!this.hidden.has(name)));
            this.#changed();
          },
          pointerenter: () => point(name), pointerleave: () => point(null), focus: () => point(name), blur: () => point(null),
        },
      },
      swatch(this.palette ? this.#colour(name) : "currentColor", this.#dash(name)), make("span", { text: label }),
    );
  }

  #dash(name) {
    return name === "network" ? [] : DASHES[this.#place(name) % DASHES.length];
  }

  #colour(name) {
    if (name === "network") return this.palette.colours.line;
    const { baselines } = this.palette.colours;
    return baselines[this.#place(name) % baselines.length];
  }

  /** A baseline keeps its place, and with it its look, whichever others there are. */
  #place(name) {
    return this.others.find((other) => other.name === name)?.place ?? 0;
  }

  resize(width, ink, rule, family, palette) {
    Object.assign(this, { width, ink, rule, family, palette, keyed: null });
    if (this.series) this.#key();
    this.#changed();
  }

  /** Draws and says what is new.  `cursor`: the step that is pointed at in the other pictures. */
  read(frame, cursor) {
    if (!this.series || !(this.width > 0)) return;
    this.said = frame?.maps.forecast ?? this.said;
    const drawn = `${this.said?.iteration} ${cursor.t}`;
    if (this.drawn === drawn && !frame?.replayed) return;
    this.drawn = drawn;
    this.scores.set(this.said?.scores, this.others, this.#network(), this.forced);
    this.#paint(cursor);
    this.say(this.pointedAt);
    this.#describe();
  }

  #paint(cursor) {
    const { series, said, of } = this;
    const context = sharp(this.canvas, this.width, HEIGHT);
    context.font = `11px ${this.family}`;
    const count = series.times.length;
    const first = this.zoomed === "whole" ? 0 : Math.max(0, series.train - Math.max(2 * series.period, Math.round((count - series.train) / 2)));
    const [w, h] = [this.width - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
    const x = (index) => LEFT + ((index - first) / Math.max(1, count - 1 - first)) * w;
    const [low, high] = this.#range(first);
    const y = (value) => TOP + h - ((value - low) / (high - low)) * h;
    this.#parts(context, x, h, first, count);
    this.#grid(context, x, y, w, h, low, high, first, count);
    this.#window(context, x, h, cursor, first);
    this.#origins(context, x, h, count);
    context.save();
    context.beginPath();
    context.rect(LEFT - 1, TOP, w + 2, h);
    context.clip();
    const shown = this.others.filter(({ name }) => !this.hidden.has(name));
    const banded = this.others.find(({ name }) => name === this.pointed) ?? shown.find(({ name }) => name === this.scores.best);
    if (banded?.lower) this.#band(context, banded, x, y);
    context.lineJoin = "round";
    this.#line(context, series.values.slice(first).map((row) => row[of]), first, x, y, { colour: this.ink, width: 1.25 });
    for (const other of shown) {
      this.#line(context, other.values.map((row) => row[of]), series.train, x, y, {
        colour: this.#colour(other.name), width: other.name === this.pointed ? 2.25 : 1.4, dash: this.#dash(other.name), length: this.horizon,
      });
    }
    if (said && !this.hidden.has("network")) {
      const columns = said.shape[1];
      const values = Array.from({ length: said.shape[0] }, (_, i) => said.codes[i * columns + of]);
      this.#line(context, values, series.train, x, y, { colour: this.palette.colours.line, width: 2.25, length: this.horizon });
    }
    context.restore();
    this.#hover(context, x, y, h, first, count);
  }

  /** The values' own range, with room: a forecast that runs away leaves the picture, it does not squash it. */
  #range(first) {
    let [low, high] = [Infinity, -Infinity];
    for (let i = first; i < this.series.values.length; i++) {
      const value = this.series.values[i][this.of];
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    const room = 0.12 * (high - low || Math.abs(high) || 1);
    return [low - room, high + room];
  }

  #parts(context, x, h, first, count) {
    const { train, validation } = this.series;
    const { parts } = this.w;
    const spans = [[parts.training, first, train, 0], [parts.validation, train, validation, 0.06], [parts.test, validation, count, 0.12]];
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    for (const [name, from, to, shade] of spans) {
      if (to <= from) continue;
      const [a, b] = [x(Math.max(from - 0.5, first)), x(Math.min(to - 0.5, count - 1))];
      context.fillStyle = this.ink;
      context.globalAlpha = shade;
      context.fillRect(a, TOP, b - a, h);
      context.globalAlpha = 1;
      if (context.measureText(name).width < b - a - 4) context.fillText(name, a + 2, TOP - 6);
    }
  }

  #grid(context, x, y, w, h, low, high, first, count) {
    context.textBaseline = "middle";
    context.textAlign = "right";
    const step = niceStep((high - low) / 6);
    for (let level = Math.ceil(low / step) * step; level <= high; level += step) {
      const at = Math.round(y(level));
      context.fillStyle = this.rule;
      context.fillRect(LEFT, at, w, 1);
      context.fillStyle = this.ink;
      context.fillText(tick(level, step), LEFT - 6, at);
    }
    context.textBaseline = "alphabetic";
    const ends = [[first, "left"], [Math.round((first + count - 1) / 2), "center"], [count - 1, "right"]];
    for (const [index, align] of ends) {
      context.textAlign = align;
      context.fillText(this.series.times[index], x(index), TOP + h + 26);
    }
  }

  /** Which window the other pictures show, and where in it the cursor stands. */
  #window(context, x, h, cursor, first) {
    if (this.start < 0) return;
    const [from, to] = [Math.max(this.start, first), this.start + this.steps - 1];
    context.fillStyle = this.palette.colours.mark;
    if (to >= from) context.fillRect(x(from), TOP + h + 6, Math.max(2, x(to) - x(from)), 3);
    const at = this.start + cursor.t;
    if (at >= first) {
      context.globalAlpha = 0.55;
      context.fillRect(x(at) - 0.5, TOP, 1, h + 9);
      context.globalAlpha = 1;
    }
  }

  /** Where a forecast of several steps begins anew: up to there the true values are read. */
  #origins(context, x, h, count) {
    const { train } = this.series;
    if (this.horizon < 2 || x(train + this.horizon) - x(train) < 5) return;
    context.strokeStyle = this.ink;
    context.globalAlpha = 0.4;
    context.lineWidth = 1;
    context.setLineDash([1, 3]);
    context.beginPath();
    for (let origin = train; origin < count; origin += this.horizon) {
      const at = Math.round(x(origin - 0.5)) + 0.5;
      context.moveTo(at, TOP);
      context.lineTo(at, TOP + h);
    }
    context.stroke();
    context.setLineDash([]);
    context.globalAlpha = 1;
  }

  #band(context, { lower, upper, name }, x, y) {
    const { train } = this.series;
    context.fillStyle = this.#colour(name);
    context.globalAlpha = 0.14;
    context.beginPath();
    upper.forEach((row, i) => context.lineTo(x(train + i), y(row[this.of])));
    for (let i = lower.length - 1; i >= 0; i--) context.lineTo(x(train + i), y(lower[i][this.of]));
    context.fill();
    context.globalAlpha = 1;
  }

  /** `length`: of the pieces that belong together; a forecast of several steps begins anew at each origin.  1 is one piece. */
  #line(context, values, from, x, y, { colour, width, dash = [], length = 1 }) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.setLineDash(dash);
    context.beginPath();
    values.forEach((value, i) => {
      if (!Number.isFinite(value)) return;
      if (length > 1 && i % length === 0) context.moveTo(x(from + i), y(value));
      else context.lineTo(x(from + i), y(value));
    });
    context.stroke();
    context.setLineDash([]);
  }

  #hover(context, x, y, h, first, count) {
    this.pointedAt = "";
    if (this.pointer === null) return;
    const share = (this.pointer - LEFT) / Math.max(1, this.width - LEFT - RIGHT);
    const index = Math.min(count - 1, Math.max(first, Math.round(first + share * (count - 1 - first))));
    context.fillStyle = this.ink;
    context.globalAlpha = 0.5;
    context.fillRect(x(index) - 0.5, TOP, 1, h);
    context.globalAlpha = 1;
    const said = this.#saidAt(index);
    const here = fill(this.w.here, { time: this.series.times[index], value: short(this.series.values[index][this.of]) });
    this.pointedAt = [here, ...said, ...this.#ahead(index)].join(" \u00b7 ");
  }

  /** How far ahead of what was known a forecast of several steps looks here. */
  #ahead(index) {
    const { series, horizon, w } = this;
    if (index < series.train || horizon < 2) return [];
    const steps = ((index - series.train) % horizon) + 1;
    const words = steps === 1 ? w.oneAhead : this.forced ? w.aheadForced : w.ahead;
    return [fill(words, { steps, time: series.times[index - steps] })];
  }

  #saidAt(index) {
    const i = index - this.series.train;
    if (i < 0) return [];
    const found = this.others.filter(({ name }) => !this.hidden.has(name)).map((other) => this.#valueOf(other, i));
    if (this.said && !this.hidden.has("network")) found.unshift(`${this.w.network} ${short(this.said.codes[i * this.said.shape[1] + this.of])}`);
    return found;
  }

  /** One baseline's value, and the interval around it. */
  #valueOf({ label, values, lower, upper }, i) {
    const [value, low, high] = [values, lower, upper].map((rows) => short(rows?.[i]?.[this.of]));
    return lower ? fill(this.w.within, { label, value, low, high }) : `${label} ${value}`;
  }

  #describe() {
    const { name, times, train } = this.series;
    this.canvas.setAttribute("aria-label", fill(this.w.describe, { name, points: times.length, forecast: times.length - train }));
  }
}

/** A piece of a line as the picture draws it. */
function swatch(colour, dash) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 22 4");
  svg.setAttribute("aria-hidden", "true");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [name, value] of Object.entries({ d: "M0 2h22", stroke: colour, "stroke-width": 2.5, "stroke-dasharray": dash.join(" ") })) line.setAttribute(name, value);
  svg.append(line);
  return svg;
}

function niceStep(size) {
  const power = 10 ** Math.floor(Math.log10(size || 1));
  return [1, 2, 5, 10].find((factor) => factor * power >= size) * power;
}

function tick(level, step) {
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  return digits > 4 ? short(level) : (Math.abs(level) < step / 2 ? 0 : level).toFixed(digits).replace("-", "\u2212");
}
