// The lag matrix: colour is |dL_s/dh_t| on a logarithmic scale.
// Absent (no path: s < t) stays empty, cut is hatched, below the floor has a colour of its own.

import { CODES } from "./frame.js";
import { separate, sharp } from "./heatmap.js";
import { Matrix } from "./matrix.js";
import { fill, round, short } from "./numbers.js";
import { colourBar, patch } from "./panel.js";
import { staircase } from "./truncation.js";

export class LagMatrix extends Matrix {
  constructor(texts, words, controls) {
    super("lag", texts, words, controls);
  }

  /** Steps before the first loss have no row: of a task that answers at its end, nearly all of them. */
  firstOf(axis) {
    return axis.first_loss;
  }

  /** What lies over the cells and seldom changes: separators, hatching, the truncation's boundary. */
  decorate({ codes, shape: [rows, columns] }, palette) {
    const [width, height] = [this.shape.plot, this.height];
    const context = sharp(this.over, width, height);
    separate(context, { width, height, columns, rows, colour: this.paper });
    const [w, h] = [width / columns, height / rows];
    context.save();
    context.beginPath();
    let any = false;
    for (let s = 0; s < rows; s++) {
      for (let t = 0; t < columns; t++) {
        if (codes[s * columns + t] !== CODES.cut) continue;
        const from = t;
        while (t + 1 < columns && codes[s * columns + t + 1] === CODES.cut) t++;
        context.rect(from * w, s * h, (t + 1 - from) * w, h);
        any = true;
      }
    }
    if (any) {
      context.clip();
      context.strokeStyle = palette.colours.cut;
      context.globalAlpha = 0.75;
      context.lineWidth = 1;
      context.beginPath();
      for (let x = -height; x < width; x += 6) {
        context.moveTo(x, height);
        context.lineTo(x + height, 0);
      }
      context.stroke();
    }
    context.restore();
    const corners = staircase(this.first, this.first + rows, this.axis.truncation);
    if (corners.length === 0) return;
    // The boundary is drawn on a rim of paper, so that it stands out on any colour.
    for (const [colour, thick] of [[this.paper, 5], [palette.colours.mark, 2]]) {
      context.strokeStyle = colour;
      context.lineWidth = thick;
      context.lineJoin = "miter";
      context.beginPath();
      corners.forEach(([x, y], i) => (i ? context.lineTo(Math.max(1, x * w), y * h) : context.moveTo(Math.max(1, x * w), y * h)));
      context.stroke();
    }
  }

  legends({ scale }, palette) {
    const { k1 } = this.axis.truncation;
    const { computed } = this.axis;
    const early = this.map.shape[0] > computed;
    const { broken } = this.heatmap;
    const key = `${scale.low} ${scale.high} ${k1} ${early} ${broken} ${palette.theme}`;
    if (key === this.legendKey) return;
    this.legendKey = key;
    const { lag, panel } = this.words;
    this.legend.replaceChildren(
      colourBar(palette.gradient("sequential"), [round(10 ** scale.low), round(10 ** scale.high)]),
      patch("floor", fill(lag.floor, { floor: round(10 ** scale.low) })),
      patch("absent", early ? fill(lag.absentOrEarly, { steps: computed }) : lag.absent),
      ...(broken ? [patch("broken", panel.broken)] : []),
      ...(k1 ? [patch("cut", lag.legendCut), patch("boundary", lag.boundary)] : []),
    );
  }

  /** The number at (s, t) in words. */
  inWords(s, t) {
    const value = this.value(s, t);
    if (value === null && s < t) return this.words.lag.absent;
    if (value === null && this.map && t < this.map.shape[0] - this.axis.computed) return fill(this.words.lag.early, { steps: this.axis.computed });
    if (value === null) return this.words.lag.nothing;
    if (value === "broken") return this.words.panel.broken;
    if (value === "cut") return this.words.lag.cut;
    if (value === "floor") return `< ${round(10 ** this.map.scale.low)}`;
    return short(value);
  }

  told({ s, t }) {
    const relation = { number: "= ", string: "", object: "" }[typeof this.value(s, t)];
    return fill(this.words.lag.here, { value: relation + this.inWords(s, t) });
  }
}
