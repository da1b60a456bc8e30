// What attention reads: colour is the weight with which the output of step s reads the state of step t.  Rows add up to 1.

import { separate, sharp } from "./heatmap.js";
import { Matrix } from "./matrix.js";
import { fill, round, short } from "./numbers.js";
import { colourBar, patch } from "./panel.js";

export class AttentionMatrix extends Matrix {
  constructor(texts, words, controls) {
    super("attention", texts, words, controls);
  }

  decorate({ shape: [rows, columns] }) {
    const [width, height] = [this.shape.plot, this.height];
    separate(sharp(this.over, width, height), { width, height, columns, rows, colour: this.paper });
  }

  legends({ scale }, palette) {
    const { broken } = this.heatmap;
    const key = `${broken} ${palette.theme}`;
    if (key === this.legendKey) return;
    this.legendKey = key;
    const [low, high] = [round(10 ** scale.low), round(10 ** scale.high)];
    const { floor, absent } = this.words.lag;
    this.legend.replaceChildren(
      colourBar(palette.gradient("sequential"), [low, high]), patch("floor", fill(floor, { floor: low })), patch("absent", absent),
      ...(broken ? [patch("broken", this.words.panel.broken)] : []),
    );
  }

  told({ s, t }) {
    const value = this.value(s, t);
    if (value === null) return this.words.lag.absent;
    if (value === "broken") return this.words.panel.broken;
    return fill(this.words.attention.here, { value: value === "floor" ? `< ${round(10 ** this.map.scale.low)}` : short(value) });
  }
}
