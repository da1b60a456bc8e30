// What attention reads: colour is the weight with which the output of step s reads the state of step t.  Rows add up to 1.

import { uncertainty } from "./frame.js";
import { separate, sharp } from "./heatmap.js";
import { Matrix } from "./matrix.js";
import { fill, known } from "./numbers.js";
import { colourBar, patch } from "./panel.js";

export class AttentionMatrix extends Matrix {
  constructor(texts, words, controls) {
    super("attention", texts, words, controls);
  }

  decorate(map) {
    const [rows, columns] = map.shape;
    const [width, height] = [this.shape.plot, this.height];
    separate(sharp(this.over, width, height), { width, height, columns, rows, colour: this.paper });
  }

  legends({ scale }, palette) {
    if (this.legendKey === palette.theme) return;
    this.legendKey = palette.theme;
    this.legend.replaceChildren(colourBar(palette.gradient("sequential"), [String(scale.low), String(scale.high)]), patch("absent", this.words.lag.absent));
  }

  told({ s, t }) {
    const value = this.value(s, t);
    return value === null ? this.words.lag.absent : fill(this.words.attention.here, { value: known(value, uncertainty(this.map.scale)) });
  }
}
