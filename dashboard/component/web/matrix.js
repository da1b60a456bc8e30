// A matrix over the token axis: rows are losses (step s), columns are states (step t).  What its cells mean is for its heirs to say.

import { rowLabels } from "./axis.js";
import { make } from "./dom.js";
import { valueOf } from "./frame.js";
import { Heatmap } from "./heatmap.js";
import { Panel } from "./panel.js";

export class Matrix extends Panel {
  constructor(name, texts, words, controls = []) {
    super(name, texts, words, controls);
    this.words = words;
    this.canvas = make("canvas", { class: "map", role: "img", "aria-label": texts.title });
    this.over = make("canvas", { class: "over", "aria-hidden": "true" });
    this.row = make("div", { class: "rowcursor", "aria-hidden": "true" });
    this.labels = make("div", { class: "rowlabels" });
    this.empty = make("p", { class: "empty", text: words.panel.waiting });
    this.gutter = make("div", { class: "gutter", "aria-hidden": "true" }, this.labels);
    this.plot = make("div", { class: "plot", dataset: { kind: name } }, this.canvas, this.over, this.row, this.empty);
    this.body.append(this.gutter, this.plot);
    this.heatmap = new Heatmap(this.canvas);
  }

  /** Few rows are tall; many share a height at which the triangle still reads as one shape. */
  static height(rows) {
    return rows <= 12 ? Math.max(22 * rows, 88) : Math.max(264, rows);
  }

  /** The step of the first row. */
  firstOf() {
    return 0;
  }

  resize(shape, axis, paper) {
    Object.assign(this, { shape, axis, paper });
    this.first = this.firstOf(axis);
    const targets = axis.targets.slice(this.first);
    this.height = Matrix.height(targets.length);
    this.plot.style.height = `${this.height}px`;
    this.rowHeight = this.height / targets.length;
    this.labels.style.height = `${this.height}px`;
    this.labels.replaceChildren(
      ...rowLabels(targets, this.rowHeight).map(([label, row]) =>
        make(
          "span", { style: { top: `${(row + 0.5) * this.rowHeight}px` }, title: label, dataset: { s: this.first + row } },
          make("bdi", { text: label }),
        ),
      ),
    );
    this.drawn = null;
    this.legendKey = null;
  }

  draw(frame, palette) {
    const map = frame.maps[this.name];
    this.map = map;
    this.empty.hidden = Boolean(map);
    if (!map) return;
    const [steps, columns] = map.shape;
    const shown = { codes: map.codes.subarray(this.first * columns), shape: [steps - this.first, columns] };
    const cut = this.heatmap.draw(shown.codes, shown.shape, palette.table(map.scale));
    const look = `${cut} ${palette.theme}`;
    if (look !== this.drawn) {
      this.drawn = look;
      this.decorate(shown, palette);
    }
    this.legends(map, palette);
  }

  under(y) {
    return { s: Math.min(this.shape.steps - 1, this.first + Math.max(0, Math.floor(y / this.rowHeight))) };
  }

  /** What the code at (s, t) stands for, or null where no path exists. */
  value(s, t) {
    if (!this.map || s >= this.map.shape[0] || t >= this.map.shape[1]) return null;
    return valueOf(this.map.codes[s * this.map.shape[1] + t], this.map.scale);
  }

  read(cursor) {
    if (!this.shape) return;
    this.row.hidden = cursor.s < this.first;
    this.row.style.transform = `translateY(${(cursor.s - this.first) * this.rowHeight}px)`;
    this.row.style.height = `${this.rowHeight}px`;
    for (const label of this.labels.children) label.classList.toggle("here", Number(label.dataset.s) === cursor.s);
    this.say(this.map ? this.told(cursor) : "");
  }

  describe(sentence) {
    this.canvas.setAttribute("aria-label", sentence);
  }
}
