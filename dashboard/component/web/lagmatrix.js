// The lag matrix: rows are losses (step s), columns are states (step t), colour is |dL_s/dh_t| on a logarithmic scale.
// Absent (no path: s < t) stays empty, cut is hatched, below the floor has a colour of its own.

import { rowLabels } from "./axis.js";
import { make, write } from "./dom.js";
import { valueOf } from "./frame.js";
import { Heatmap, separate, sharp } from "./heatmap.js";
import { fill, round, short } from "./numbers.js";
import { Panel, colourBar, patch } from "./panel.js";
import { staircase } from "./truncation.js";

export class LagMatrix extends Panel {
  constructor(texts, words) {
    super("lag", texts, words);
    this.words = words;
    this.canvas = make("canvas", { class: "map", role: "img", "aria-label": texts.title });
    this.over = make("canvas", { class: "over", "aria-hidden": "true" });
    this.row = make("div", { class: "rowcursor", "aria-hidden": "true" });
    this.labels = make("div", { class: "rowlabels" });
    this.empty = make("p", { class: "empty", text: words.panel.waiting });
    this.gutter = make("div", { class: "gutter", "aria-hidden": "true" }, this.labels);
    this.plot = make("div", { class: "plot", dataset: { kind: "lag" } }, this.canvas, this.over, this.row, this.empty);
    this.body.append(this.gutter, this.plot);
    this.heatmap = new Heatmap(this.canvas);
  }

  /** Few steps get tall rows; many steps share a height at which the triangle still reads as one shape. */
  static height(steps) {
    return steps <= 12 ? Math.max(22 * steps, 88) : Math.max(264, steps);
  }

  resize(shape, axis, paper) {
    Object.assign(this, { shape, axis, paper });
    this.height = LagMatrix.height(shape.steps);
    this.plot.style.height = `${this.height}px`;
    const rowHeight = this.height / shape.steps;
    this.labels.style.height = `${this.height}px`;
    this.labels.replaceChildren(
      ...rowLabels(axis.targets, rowHeight).map(([label, s]) =>
        make("span", { style: { top: `${(s + 0.5) * rowHeight}px` }, title: label, dataset: { s } }, make("bdi", { text: label })),
      ),
    );
    this.cut = null;
    this.legendKey = null;
  }

  draw(frame, palette) {
    const map = frame.maps.lag;
    this.map = map;
    this.empty.hidden = Boolean(map);
    if (!map) return;
    const cut = this.heatmap.draw(map.codes, map.shape, palette.table(map.scale));
    const look = `${cut} ${palette.theme}`;
    if (look !== this.cut) {
      this.cut = look;
      this.#decorate(map, palette);
    }
    this.#legend(map.scale, palette);
  }

  /** What lies over the cells and seldom changes: separators, hatching, the truncation's boundary. */
  #decorate(map, palette) {
    const [rows, columns] = map.shape;
    const [width, height] = [this.shape.plot, this.height];
    const context = sharp(this.over, width, height);
    separate(context, { width, height, columns, rows, colour: this.paper });
    const [w, h] = [width / columns, height / rows];
    context.save();
    context.beginPath();
    let any = false;
    for (let s = 0; s < rows; s++) {
      for (let t = 0; t < columns; t++) {
        if (map.codes[s * columns + t] !== 1) continue;
        const from = t;
        while (t + 1 < columns && map.codes[s * columns + t + 1] === 1) t++;
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
    const corners = staircase(rows, this.axis.truncation);
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

  #legend(scale, palette) {
    const { k1 } = this.axis.truncation;
    const key = `${scale.low} ${scale.high} ${k1} ${palette.theme}`;
    if (key === this.legendKey) return;
    this.legendKey = key;
    const { lag } = this.words;
    this.legend.replaceChildren(
      colourBar(palette.gradient("sequential"), [round(10 ** scale.low), round(10 ** scale.high)]),
      patch("floor", fill(lag.floor, { floor: round(10 ** scale.low) })),
      patch("absent", lag.absent),
      ...(k1 ? [patch("cut", lag.legendCut), patch("boundary", lag.boundary)] : []),
    );
  }

  under(y) {
    return { s: Math.min(this.shape.steps - 1, Math.max(0, Math.floor((y / this.height) * this.shape.steps))) };
  }

  /** The number at (s, t), "cut", "floor", or null where no path exists. */
  value(s, t) {
    if (!this.map || s >= this.map.shape[0] || t >= this.map.shape[1]) return null;
    return valueOf(this.map.codes[s * this.map.shape[1] + t], this.map.scale);
  }

  /** The same in words. */
  inWords(s, t) {
    const value = this.value(s, t);
    // After an explosion there are cells with a path and without a number.
    if (value === null) return s < t ? this.words.lag.absent : this.words.lag.nothing;
    if (value === "cut") return this.words.lag.cut;
    if (value === "floor") return `< ${round(10 ** this.map.scale.low)}`;
    return short(value);
  }

  read(cursor) {
    if (!this.shape) return;
    const h = this.height / this.shape.steps;
    this.row.style.transform = `translateY(${cursor.s * h}px)`;
    this.row.style.height = `${h}px`;
    for (const label of this.labels.children) label.classList.toggle("here", Number(label.dataset.s) === cursor.s);
    const relation = { number: "= ", string: "", object: "" }[typeof this.value(cursor.s, cursor.t)];
    write(this.here, this.map ? fill(this.words.lag.here, { value: relation + this.inWords(cursor.s, cursor.t) }) : "");
  }

  describe(sentence) {
    this.canvas.setAttribute("aria-label", sentence);
  }
}
