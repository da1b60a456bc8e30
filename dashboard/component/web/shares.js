// Each step's share of one weight's gradient, as bars over the token axis.  Signed projections add up to the gradient's norm; plain
// norms do not.

import { make, write } from "./dom.js";
import { sharp } from "./heatmap.js";
import { fill, round, roundUp, short } from "./numbers.js";
import { Panel } from "./panel.js";

const HEIGHT = 112;

export class Shares extends Panel {
  constructor(texts, words, controls) {
    super("share", texts, words, controls);
    this.words = words;
    this.canvas = make("canvas", { class: "map sharp", role: "img", "aria-label": texts.title });
    this.high = make("span");
    this.low = make("span");
    this.empty = make("p", { class: "empty", text: words.panel.waiting });
    this.gutter = make("div", { class: "gutter units", "aria-hidden": "true" }, this.high, this.low);
    this.plot = make("div", { class: "plot", dataset: { kind: "bars" }, style: { height: `${HEIGHT}px` } }, this.canvas, this.empty);
    this.body.append(this.gutter, this.plot);
    this.body.before(this.legend);
  }

  resize(shape, ink) {
    Object.assign(this, { shape, ink });
    this.top = this.bottom = 0;
  }

  draw(frame, palette) {
    const share = frame.maps.share;
    this.share = share;
    this.empty.hidden = Boolean(share);
    if (!share) return;
    const { codes } = share;
    const { plot, steps, column } = this.shape;
    let [high, low, shown] = [0, 0, 0];
    for (let t = 0; t < codes.length; t++) {
      if (codes[t] > high) high = codes[t];
      if (codes[t] < low) low = codes[t];
      if (t < steps) shown += codes[t];
    }
    this.#follow(high, low);
    const [top, bottom] = [this.top, this.bottom];
    const y = (value) => ((top - value) / (top - bottom || 1)) * HEIGHT;
    const context = sharp(this.canvas, plot, HEIGHT);
    const gap = column > 12 ? 2 : column > 4 ? 0.5 : 0;
    const { 1: negative, 5: positive } = palette.colours.diverging;
    for (let t = 0; t < Math.min(steps, codes.length); t++) {
      const value = codes[t];
      context.fillStyle = value < 0 ? negative : positive;
      context.fillRect(t * column + gap, Math.min(y(value), y(0)), Math.max(column - 2 * gap, 0.5), Math.abs(y(value) - y(0)));
    }
    context.fillStyle = this.ink;
    context.globalAlpha = 0.5;
    context.fillRect(0, Math.round(y(0)) - 0.5, plot, 1);
    write(this.high, round(top));
    write(this.low, round(bottom));
    const later = codes.length > steps ? share.total - shown : 0;
    const { norms, sum, sumLater } = this.words.shares;
    const sentence = share.view === "norm" ? norms : codes.length > steps ? sumLater : sum;
    this.sentence = fill(sentence, { sum: short(shown), later: short(later), total: short(share.total) });
  }

  /** A range that grows at once and shrinks only when it is far too wide. */
  #follow(high, low) {
    const [top, bottom] = [high > 0 ? roundUp(high) : 0, low < 0 ? -roundUp(-low) : 0];
    const [span, now] = [top - bottom, this.top - this.bottom];
    if (high > this.top || low < this.bottom || span < 0.4 * now) [this.top, this.bottom] = [top, bottom];
  }

  under() {
    return {};
  }

  read(cursor) {
    write(this.legend, this.sentence ?? "");
    const value = this.share?.codes[cursor.t];
    this.say(value === undefined ? "" : fill(this.words.shares.here, { value: short(value) }));
  }

  describe(sentence) {
    this.canvas.setAttribute("aria-label", sentence);
  }
}
