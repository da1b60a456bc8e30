// A line over iterations from the tape: the loss, or the gradient's norm with the clip threshold and the clipped iterations marked.

import { make, write } from "./dom.js";
import { sharp } from "./heatmap.js";
import { count, fill, round, roundUp, short } from "./numbers.js";
import { Panel } from "./panel.js";

const [LEFT, RIGHT, TOP, BOTTOM, HEIGHT] = [40, 8, 8, 20, 148];

export class LinePlot extends Panel {
  /** `fields`: names of the tape's columns {low, high, last}. */
  constructor(name, texts, words, fields, { logarithmic, toggled }) {
    const scale = make("button", { class: "scale", type: "button", on: { click: () => this.#toggle() } });
    super(name, texts, words, [scale]);
    Object.assign(this, { words, fields, logarithmic, toggled, scale });
    this.canvas = make("canvas", { class: "sharp", role: "img", "aria-label": texts.title });
    this.value = make("output", { class: "value", "aria-hidden": "true", text: "\u2013" });
    this.here.replaceWith(this.value);
    this.box = make("div", { class: "plotbox", style: { height: `${HEIGHT}px` } }, this.canvas);
    this.body.append(this.box, this.legend);
    this.box.addEventListener("pointermove", (event) => {
      this.pointer = event.offsetX;
      this.stale?.();
    });
    this.box.addEventListener("pointerleave", () => {
      this.pointer = null;
      this.stale?.();
    });
    this.pointer = null;
    this.levels = {};
    this.#label();
  }

  #toggle() {
    this.logarithmic = !this.logarithmic;
    this.#label();
    this.toggled(this.logarithmic);
    this.stale?.();
  }

  #label() {
    write(this.scale, this.logarithmic ? this.words.plot.logarithmic : this.words.plot.linear);
    this.scale.title = this.words.plot.toggle;
    this.scale.setAttribute("aria-pressed", String(this.logarithmic));
  }

  resize(width, ink, rule, family) {
    Object.assign(this, { width, ink, rule, family });
  }

  /** `looking`: the iteration that is looked back at, or null. */
  draw(tape, palette, clip, looking) {
    if (!(this.width > 0)) return;
    const { low, high, last } = this.fields;
    const context = sharp(this.canvas, this.width, HEIGHT);
    context.font = `11px ${this.family}`;
    const [w, h] = [this.width - LEFT - RIGHT, HEIGHT - TOP - BOTTOM];
    const threshold = this.name === "norm" && clip?.mode === "norm" ? clip.threshold : null;
    const levels = Object.entries(this.levels).filter(([, value]) => value > 0);
    const marked = threshold ? [threshold] : levels.map(([, value]) => value);
    const [floor, ceiling] = this.#range(tape[low], tape[high], tape.bins, marked);
    const end = roundUp(Math.max(tape.iteration, 10));
    const x = (iteration) => LEFT + (iteration / end) * w;
    const place = this.logarithmic ? Math.log10 : (v) => v;
    const [a, b] = [place(floor), place(ceiling)];
    const y = (value) => TOP + h - ((place(Math.max(value, floor)) - a) / (b - a || 1)) * h;

    this.#grid(context, { w, h, x, y, end, floor, ceiling });
    if (threshold) {
      context.strokeStyle = palette.colours.mark;
      context.setLineDash([5, 4]);
      context.lineWidth = 1.5;
      context.beginPath();
      context.moveTo(LEFT, y(threshold));
      context.lineTo(LEFT + w, y(threshold));
      context.stroke();
      context.setLineDash([]);
    }
    for (const [level, value] of levels) this.#level(context, level, value, y, w);
    if (this.name === "norm") this.#clipped(context, tape, x, palette, h);
    if (tape.bins) {
      context.strokeStyle = palette.colours.line;
      context.lineJoin = "round";
      context.lineWidth = 1.75;
      context.beginPath();
      // One vertical stroke a pixel column from the smallest to the largest value in it, joined: nothing is averaged away.
      let [column, least, most, final] = [-1, 0, 0, 0];
      const flush = () => {
        if (column < 0) return;
        if (most - least > 0.5) {
          context.lineTo(column, least);
          context.lineTo(column, most);
        }
        context.lineTo(column, final);
      };
      for (let bin = 0; bin < tape.bins; bin++) {
        const at = Math.round(2 * x(tape.last[bin])) / 2;
        const [up, down, now] = [y(tape[high][bin]), y(tape[low][bin]), y(tape[last][bin])];
        if (Number.isNaN(now)) continue;
        if (at !== column) {
          flush();
          [column, least, most, final] = [at, up, down, now];
        } else {
          least = Math.min(least, up);
          most = Math.max(most, down);
          final = now;
        }
      }
      flush();
      context.stroke();
    }
    if (looking) {
      context.fillStyle = this.ink;
      context.fillRect(x(looking) - 1, TOP, 2, h);
    }
    this.#hover(context, tape, x, y, palette, h, end, w);
  }

  #range(lows, highs, bins, marked) {
    let [least, most] = [Infinity, -Infinity];
    for (let bin = 0; bin < bins; bin++) {
      if (lows[bin] < least && (!this.logarithmic || lows[bin] > 0)) least = lows[bin];
      if (highs[bin] > most && highs[bin] < Infinity) most = highs[bin];
    }
    if (marked.length) [least, most] = [Math.min(least, ...marked), Math.max(most, ...marked)];
    if (!(most > 0)) [least, most] = [this.logarithmic ? 0.1 : 0, 1];
    if (!this.logarithmic) return [0, roundUp(most)];
    const [low, high] = [Math.floor(Math.log10(Math.max(least, most * 1e-12)) * 2 + 1e-9) / 2, Math.ceil(Math.log10(most) * 2 - 1e-9) / 2];
    // Less than a decade is shown as the whole one around it.
    if (high - low < 1) return [10 ** Math.floor(low), 10 ** Math.max(Math.ceil(high), Math.floor(low) + 1)];
    return [10 ** low, 10 ** high];
  }

  /** A value that is known beforehand: chance is named above its line where there is room, the best that can be had below it. */
  #level(context, level, value, y, w) {
    const at = Math.round(y(value)) + 0.5;
    context.strokeStyle = context.fillStyle = this.ink;
    context.setLineDash(level === "chance" ? [5, 4] : [1, 3]);
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(LEFT, at);
    context.lineTo(LEFT + w, at);
    context.stroke();
    context.setLineDash([]);
    context.textAlign = "right";
    const above = level === "chance" && at > TOP + 12; // a line at the very top has no room above it
    context.textBaseline = above ? "bottom" : "top";
    context.fillText(fill(this.words.plot[level], { value: short(value) }), LEFT + w, above ? at - 2 : at + 3);
  }

  #grid(context, { w, h, x, y, end, floor, ceiling }) {
    context.textBaseline = "middle";
    context.textAlign = "right";
    const levels = [];
    if (this.logarithmic) {
      const decades = Math.ceil(Math.log10(ceiling / floor) / 4);
      for (let p = Math.ceil(Math.log10(floor) - 1e-9); p <= Math.log10(ceiling) + 1e-9; p += decades || 1) levels.push(10 ** p);
      if (levels.length < 2) levels.splice(0, levels.length, floor, ceiling);
    } else levels.push(0, ceiling / 2, ceiling);
    for (const level of levels) {
      context.fillStyle = this.rule;
      context.fillRect(LEFT, Math.round(y(level)), w, 1);
      context.fillStyle = this.ink;
      context.fillText(round(level), LEFT - 6, Math.round(y(level)));
    }
    context.textBaseline = "alphabetic";
    for (const [iteration, align] of [[0, "left"], [end / 2, "center"], [end, "right"]]) {
      context.textAlign = align;
      context.fillText(count(iteration), x(iteration), TOP + h + 15);
    }
  }

  /** A strip at the foot: an iteration that was clipped is marked, the stronger the more of a bin was. */
  #clipped(context, tape, x, palette, h) {
    context.fillStyle = palette.colours.mark;
    let before = LEFT;
    for (let bin = 0; bin < tape.bins; bin++) {
      const at = x(tape.last[bin]);
      if (tape.clipped[bin] && at - before >= 0.5) {
        context.globalAlpha = 0.35 + 0.65 * (tape.clipped[bin] / tape.points[bin]);
        context.fillRect(before, TOP + h - 3, at - before, 3);
      }
      if (at - before >= 0.5) before = at;
    }
    context.globalAlpha = 1;
  }

  #hover(context, tape, x, y, palette, h, end, w) {
    this.at = null;
    if (this.pointer === null || !tape.bins) return;
    const bin = tape.at(((this.pointer - LEFT) / w) * end);
    const value = tape[this.fields.last][bin];
    this.at = [tape.last[bin], value];
    context.fillStyle = this.ink;
    context.globalAlpha = 0.5;
    context.fillRect(x(tape.last[bin]) - 0.5, TOP, 1, h);
    context.globalAlpha = 1;
    context.fillStyle = palette.colours.line;
    context.beginPath();
    context.arc(x(tape.last[bin]), y(value), 3.5, 0, 2 * Math.PI);
    context.fill();
  }

  read(tape, clip, looking) {
    const bin = looking ? tape.at(looking) : tape.bins - 1;
    const now = tape.bins ? tape[this.fields.last][bin] : NaN;
    write(this.value, this.at ? fill(this.words.plot.here, { iteration: count(this.at[0]), value: short(this.at[1]) }) : short(now));
    if (this.name === "norm") {
      const share = tape.bins ? Math.round(100 * tape.shareClipped) : 0;
      const { clipped, cut, notClipped, nowOff } = this.words.plot;
      const way = { norm: clipped, value: cut }[clip?.mode] ?? (share ? nowOff : notClipped);
      write(this.legend, fill(way, { threshold: short(clip?.threshold ?? NaN), share }));
    }
    const values = { title: this.element.getAttribute("aria-label"), value: short(now), iteration: count(looking ?? tape.iteration) };
    const known = Object.entries(this.levels).filter(([, value]) => value > 0);
    const levels = known.map(([level, value]) => fill(this.words.plot[level], { value: short(value) }));
    this.canvas.setAttribute("aria-label", [fill(this.words.plot.describe, values), ...levels].join(", "));
  }

  /** Of a drawn task, how the network did on sequences that it never learned from. */
  examined(known, exam) {
    const told = known && exam && {
      score: known.score, value: short(exam.value), chance: short(known.chance[known.score]), sequences: exam.sequences,
      iteration: count(exam.iteration),
    };
    write(this.legend, told ? fill(this.words.plot.exam, told) : "");
  }
}
