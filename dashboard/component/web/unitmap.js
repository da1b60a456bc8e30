// A panel of units x steps: hidden state, gates, dL/dh.

import { make, write } from "./dom.js";
import { uncertainty, valueOf } from "./frame.js";
import { Heatmap, separate, sharp } from "./heatmap.js";
import { fill, known, round } from "./numbers.js";
import { Palette } from "./palette.js";
import { Panel, colourBar, patch } from "./panel.js";

export class UnitMap extends Panel {
  /** `array`: the name of its array in a frame. */
  constructor(array, texts, words, controls) {
    super(array, texts, words, controls);
    this.words = words;
    this.array = array;
    this.canvas = make("canvas", { class: "map", role: "img", "aria-label": texts.title });
    this.over = make("canvas", { class: "over", "aria-hidden": "true" });
    this.top = make("span");
    this.bottom = make("span");
    this.empty = make("p", { class: "empty", text: words.panel.waiting });
    const unit = make("span", { text: words.axis.unit });
    this.gutter = make("div", { class: "gutter units", "aria-hidden": "true" }, this.top, unit, this.bottom);
    this.plot = make("div", { class: "plot", dataset: { kind: "units" } }, this.canvas, this.over, this.empty);
    this.body.append(this.gutter, this.plot);
    this.heatmap = new Heatmap(this.canvas);
  }

  /** About a hundred CSS pixels, and a whole number of them for each unit. */
  static height(units) {
    return Math.max(1, Math.round(104 / units)) * units;
  }

  resize(shape, units, paper) {
    Object.assign(this, { shape, units, paper });
    this.height = UnitMap.height(units);
    this.plot.style.height = `${this.height}px`;
    write(this.top, "1");
    write(this.bottom, String(units));
    const context = sharp(this.over, shape.plot, this.height);
    separate(context, { width: shape.plot, height: this.height, columns: shape.steps, colour: paper });
  }

  draw(frame, palette) {
    const map = frame.maps[this.array];
    this.map = map;
    this.empty.hidden = Boolean(map);
    if (!map) return;
    this.heatmap.draw(map.codes, map.shape, palette.table(map.scale));
    this.#legend(map.scale, palette);
  }

  #legend(scale, palette) {
    const { broken } = this.heatmap;
    const key = `${scale.low} ${scale.high} ${broken} ${palette.theme}`;
    if (key === this.legendKey) return;
    this.legendKey = key;
    const kind = Palette.kind(scale);
    // A diverging bar is drawn for the wider side on both: 0 stays in the middle.
    const reach = Math.max(Math.abs(scale.low), Math.abs(scale.high));
    const ends = kind === "diverging" ? [round(-reach), round(reach)] : [round(scale.low), round(scale.high)];
    this.legend.replaceChildren(colourBar(palette.gradient(kind), ends), ...(broken ? [patch("broken", this.words.panel.broken)] : []));
  }

  /** What a pointer at (x, y) of the plot is over. */
  under(y) {
    return { unit: Math.min(this.units - 1, Math.max(0, Math.floor((y / this.height) * this.units))) };
  }

  read(cursor) {
    const map = this.map;
    if (!map || cursor.unit === null || cursor.unit >= map.shape[0] || cursor.t >= map.shape[1]) return this.say("");
    const value = valueOf(map.codes[cursor.unit * map.shape[1] + cursor.t], map.scale);
    const { lag, panel } = this.words;
    const text = value === null ? lag.nothing : value === "broken" ? panel.broken : known(value, uncertainty(map.scale));
    this.say(fill(panel.unitHere, { unit: cursor.unit + 1, value: text }));
  }

  /** The picture in words, for those who cannot see it. */
  describe(sentence) {
    this.canvas.setAttribute("aria-label", sentence);
  }
}
