// The pictures of one run: what stands over the token axis, what stands beside it, and the one cursor that crosses all of it.

import { AttentionMatrix } from "./attention.js";
import { TokenAxis, layout, widthsOf } from "./axis.js";
import { Cursor } from "./cursor.js";
import { make, write } from "./dom.js";
import { Forecast } from "./forecast.js";
import { LagMatrix } from "./lagmatrix.js";
import { LinePlot } from "./lossplot.js";
import { count, fill } from "./numbers.js";
import { Palette, themeOf } from "./palette.js";
import { pointing } from "./pointing.js";
import { NextTokens, Readout } from "./readout.js";
import { Shares } from "./shares.js";
import { Tape } from "./tape.js";
import { UnitMap } from "./unitmap.js";

export class Pictures {
  /** `stale()`: something here must be painted again.  `settled()`: the cursor was put somewhere on purpose. */
  constructor(words, look, { stale, settled }) {
    Object.assign(this, { words, look, stale, axis: null, frame: null, shape: null, palette: null, fresh: false });
    this.tape = new Tape();
    this.cursor = new Cursor(() => this.#pointed());
    this.tokens = new TokenAxis(words);
    const { panels } = words;
    const { controls, logarithmic } = look;
    const line = (name, fields) => new LinePlot(name, panels[name], words, fields, { logarithmic: logarithmic[name], toggled: (on) => {
      logarithmic[name] = on;
      look.keep();
    } });
    this.panels = {
      forecast: new Forecast(panels.forecast, words),
      h: new UnitMap("h", panels.h, words),
      gate: new UnitMap("gate", panels.gate, words, [controls.gate]),
      dh: new UnitMap("dh", panels.dh, words, [controls.part]),
      share: new Shares(panels.share, words, [controls.weight, controls.view]),
      lag: new LagMatrix(panels.lag, words, [controls.path]),
      attention: new AttentionMatrix(panels.attention, words, [controls.head]),
      loss: line("loss", { low: "lossLow", high: "lossHigh", last: "loss" }),
      norm: line("norm", { low: "normLow", high: "normHigh", last: "norm" }),
      cursor: new Readout(panels.cursor, words),
      next: new NextTokens(panels.next, words),
    };
    const { forecast, h, gate, dh, share, lag, attention, loss, norm, cursor, next } = this.panels;
    this.maps = [h, gate, dh, share, lag, attention];
    this.lines = [loss, norm];
    for (const plot of [...this.lines, forecast]) plot.stale = stale;
    this.band = make("div", { class: "band", "aria-hidden": "true" });
    this.sentence = make("p", { class: "reading", "aria-hidden": "true" });
    this.stack = make(
      "div", { class: "stack", tabindex: "0", role: "group", "aria-label": words.cursor.label },
      this.band, this.tokens.element, ...this.maps.map((panel) => panel.element),
    );
    this.beside = make("aside", {}, ...[loss, norm, cursor, next].map((panel) => panel.element));
    this.show();
    pointing(this.stack, this.cursor, (plot, x, y) => this.#placeOf(plot, x, y), settled);
  }

  /** Shows the panels that are wanted, of those that have something to say of what is learned. */
  show() {
    const { series, values = [], heads } = this.axis ?? {};
    this.pointless = [...(series ? [] : ["forecast"]), ...(values.length ? ["next"] : []), ...(heads ? [] : ["attention"])];
    for (const [name, panel] of Object.entries(this.panels)) panel.shown = !this.pointless.includes(name) && this.look.shown.includes(name);
  }

  /** Nothing is known of a run yet. */
  clear() {
    this.axis = this.frame = null;
    this.tape.clear();
  }

  /** Another axis: other tokens, or another network. */
  stand(axis) {
    this.axis = axis;
    this.show();
    this.panels.forecast.stand(axis);
    const { panels, block } = this.words;
    const { gate, loss } = panels;
    const { known } = axis;
    const told = (name) => (axis.recurrent ? panels[name] : { ...panels[name], ...block[name] });
    for (const name of ["h", "dh", "lag"]) this.panels[name].tell(told(name));
    write(this.panels.loss.line, axis.series ? loss.squared : axis.values.length ? loss.squaredAnswer : loss.line);
    const guess = known && fill(loss.moreKnown, known) + (known.score ? ` ${loss.moreExamined}` : "");
    write(this.panels.loss.more, axis.series ? loss.moreSquared : guess || loss.more);
    this.panels.loss.levels = known ? { chance: known.chance.loss, best: known.best.loss } : {};
    this.panels.next.stand(axis);
    write(this.panels.gate.line, axis.gates.length ? gate.line : told("gate").none);
    this.panels.gate.body.hidden = axis.gates.length === 0;
    this.panels.gate.legend.hidden = axis.gates.length === 0;
  }

  /** A frame has come; false when it has nothing to stand on, because its axis is not here (yet). */
  take(frame) {
    // A replayed picture too may bring points that are new to this viewer.
    this.tape.extend(frame.tail);
    if (frame.header.axis !== this.axis?.id) return false;
    this.frame = frame;
    this.fresh = true;
    return true;
  }

  // ---- layout and theme -----------------------------------------------------------------------------------------------------

  /** Follows the page's theme, as `element` and `bar` on it have it. */
  theme(element, bar) {
    const style = getComputedStyle(element);
    const { backgroundColor: paper, borderBottomColor: line } = getComputedStyle(bar);
    const theme = themeOf(paper);
    const key = `${theme} ${style.getPropertyValue("--paper").trim()} ${style.color}`;
    if (key === this.themeKey) return;
    Object.assign(this, { themeKey: key, paper, line, palette: new Palette(theme), laidOut: null });
    element.dataset.theme = theme;
    for (const [name, colour] of Object.entries(this.palette.colours)) {
      if (typeof colour === "string") element.style.setProperty(`--${name}`, colour);
    }
    for (const panel of this.maps) panel.legendKey = null;
  }

  /** Fits everything to the room that there is. */
  layout() {
    if (!this.palette) return;
    const style = getComputedStyle(this.stack);
    const gutter = parseFloat(style.getPropertyValue("--gutter")) || 64;
    const available = Math.floor(this.stack.clientWidth - gutter);
    const wide = this.lines.find((plot) => plot.shown)?.box.clientWidth ?? 0;
    const key = `${available} ${wide} ${this.axis?.id} ${this.themeKey} ${window.devicePixelRatio} ${this.look.shown}`;
    if (key === this.laidOut || available <= 0) return;
    this.laidOut = key;
    const { paper, line } = this;
    const ink = getComputedStyle(this.sentence).color;
    for (const plot of this.lines) plot.resize(wide, ink, line, style.fontFamily);
    const { forecast } = this.panels;
    if (forecast.shown) forecast.resize(forecast.box.clientWidth, ink, line, style.fontFamily, this.palette);
    if (this.axis) {
      const steps = this.axis.inputs.length;
      const widths = widthsOf(this.axis.inputs, `600 13px ${style.fontFamily}`);
      const shape = { ...layout({ available, widths }), steps, widths };
      this.shape = shape;
      this.stack.style.setProperty("--column", `${shape.column}px`);
      this.stack.style.setProperty("--plot", `${shape.plot}px`);
      this.stack.classList.toggle("scrolls", shape.plot > available + 1);
      this.tokens.set(this.axis, shape);
      for (const name of ["h", "gate", "dh"]) this.panels[name].resize(shape, this.axis.hidden, paper);
      this.panels.share.resize(shape, ink);
      for (const name of ["lag", "attention"]) this.panels[name].resize(shape, this.axis, paper);
      this.fresh = true;
      this.#pointed();
    }
    this.stale();
  }

  // ---- the cursor -----------------------------------------------------------------------------------------------------------

  #placeOf(plot, x, y) {
    if (!this.shape) return null;
    const t = Math.min(this.shape.steps - 1, Math.max(0, Math.floor(x / this.shape.column)));
    const panel = this.maps.find((one) => one.plot === plot);
    return { t, ...(panel?.under(y) ?? {}) };
  }

  #pointed() {
    if (!this.shape) return;
    this.band.style.transform = `translateX(${this.cursor.t * this.shape.column}px)`;
    this.stack.classList.toggle("pinned", this.cursor.pinned);
    this.stale();
  }

  // ---- painting -------------------------------------------------------------------------------------------------------------

  /** Whether the frame belongs to the axis on screen: after another sentence was chosen, the old one's last frame does not. */
  get fits() {
    return Boolean(this.frame) && this.frame.header.axis === this.axis?.id;
  }

  /** Draws the frame where it is new; true when it had never been painted before. */
  draw() {
    const { frame } = this;
    if (!this.fresh || !this.shape || !this.fits) return false;
    this.fresh = false;
    for (const panel of this.maps) if (panel.shown) panel.draw(frame, this.palette);
    // A picture that is painted again, for a new width or theme, is no new frame.
    const first = !frame.painted;
    frame.painted = true;
    return first;
  }

  /** Draws the lines and writes the words of the frame; false while they would not belong together. */
  read(control) {
    const { axis, frame, cursor, panels, tape } = this;
    const looking = frame?.replayed ? frame.header.iteration : null;
    for (const plot of this.lines) {
      if (!plot.shown) continue;
      plot.draw(tape, this.palette, axis?.clip, looking);
      plot.read(tape, axis?.clip, looking);
      if (plot === panels.loss) plot.examined(axis?.known, frame?.header.exam);
    }
    if (!this.shape || !axis || (frame && !this.fits)) return false;
    if (panels.forecast.shown) panels.forecast.read(frame, cursor);
    this.tokens.point(cursor.t);
    this.#place();
    if (frame && !control) this.look.follow(frame.maps);
    for (const panel of this.maps) if (panel.shown) panel.read(cursor);
    if (panels.cursor.shown) panels.cursor.read(cursor, axis, frame, panels.lag, panels.forecast.of);
    if (panels.next.shown) panels.next.read(cursor, axis, frame);
    if (frame) this.#describe();
    return Boolean(frame);
  }

  /** Where the cursor stands, as a sentence. */
  #place() {
    const { axis, cursor } = this;
    const w = this.words.cursor;
    const [read, predicted] = [axis.inputs[cursor.t] ?? "", axis.targets[cursor.t] ?? ""];
    const place = fill(w.here, { t: cursor.t + 1, steps: axis.inputs.length });
    const placed = `${place} ${read} ${predicted} ${cursor.pinned}`;
    if (this.placed === placed) return;
    this.placed = placed;
    this.sentence.replaceChildren(
      make("span", { text: `${place} ` }), make("bdi", { text: read }),
      make("span", { text: `, ${w.predicts} ` }), make("bdi", { text: predicted }),
      make("span", { class: "hint", text: cursor.pinned ? w.pinned : w.free }),
    );
  }

  /** The pictures in words, for those who cannot see them. */
  #describe() {
    const { axis, cursor, frame, panels, words } = this;
    const d = words.describe;
    const iteration = count(frame.header.iteration);
    const values = { steps: axis.inputs.length, units: axis.hidden, iteration, s: cursor.s + 1, t: cursor.t + 1 };
    for (const name of ["h", "gate", "dh"]) panels[name].describe(fill(d.map, { ...values, title: panels[name].title }));
    panels.attention.describe(fill(d.attention, { ...values, title: words.panels.attention.title }));
    panels.lag.describe(fill(d.lag, { ...values, title: panels.lag.title, value: panels.lag.inWords(cursor.s, cursor.t) }));
    const { sentence = "" } = panels.share;
    panels.share.describe(fill(d.share, { title: words.panels.share.title, weight: this.look.weight ?? "", sentence }));
  }
}
