// The explorer: one element that holds transport, sentences and panels, and one socket that feeds them.
// Streamlit calls the default export at mount, and again whenever data or theme change; the element, its socket and its pictures stay.

import { TokenAxis, layout, widthsOf } from "./axis.js";
import { Cursor } from "./cursor.js";
import { make, write } from "./dom.js";
import { decode } from "./frame.js";
import { LagMatrix } from "./lagmatrix.js";
import { Look } from "./look.js";
import { LinePlot } from "./lossplot.js";
import { Measures, expose } from "./measures.js";
import { Notice } from "./notice.js";
import { count, fill, short } from "./numbers.js";
import { Palette, themeOf } from "./palette.js";
import { panelMenu } from "./panelmenu.js";
import { pointing } from "./pointing.js";
import { NextTokens, Readout } from "./readout.js";
import { Replay } from "./replay.js";
import { Sentences } from "./sentences.js";
import { keepRun, recallRun } from "./settings.js";
import { Shares } from "./shares.js";
import { Stream, streamAddress } from "./socket.js";
import { Tape } from "./tape.js";
import { Teller } from "./teller.js";
import { Proof, Transport, statusLine, transportKeys } from "./transport.js";
import { UnitMap } from "./unitmap.js";
import { inWords } from "./words.js";

const READ_EVERY = 100; // ms between updates of words and lines: numbers that change more often cannot be read, and a line hardly moves
const COMPLAIN_FOR = 6000; // ms for which a sentence of complaint stays
const STYLE = new URL("./explorer.css", import.meta.url).href;

// By root element, so that a rerun of the page or a change of theme finds the socket it left.
const explorers = new WeakMap();

export default function mount(component) {
  const { parentElement: root } = component;
  let explorer = explorers.get(root);
  if (!explorer) {
    // An older version of these modules may have been here: its element goes, its socket with it.
    root.querySelector(".explorer")?.dispose?.();
    explorer = new Explorer(root, component.data);
    explorers.set(root, explorer);
  }
  explorer.accept(component);
  return () => {
    explorer.dispose();
    explorers.delete(root);
  };
}

class Explorer {
  constructor(root, data) {
    this.words = inWords(data.words);
    this.look = new Look(this.words, data.fps, (change) => this.#chosen(change));
    this.tape = new Tape();
    this.cursor = new Cursor(() => this.#pointed());
    this.axis = null;
    this.frame = null;
    this.status = { state: "connecting" };
    this.control = false;
    this.offered = new Set();
    this.iteration = 0;
    this.measures = new Measures();
    this.teller = new Teller(() => this.#view(), (view) => this.setStateValue("view", view));
    this.#build(root);
    this.keysOff = transportKeys(this.transport, (target) => target === this.stack);
    this.resized = new ResizeObserver(() => this.#layout());
    this.resized.observe(this.element);
    this.hides = () => {
      if (document.hidden) this.leaves();
      this.#say();
    };
    // The address may have changed since the mount (settings live in it): what counts is the one that will be loaded again.
    this.leaves = () => keepRun(this.control ? this.run : null);
    document.addEventListener("visibilitychange", this.hides);
    window.addEventListener("pagehide", this.leaves);
  }

  // ---- building -------------------------------------------------------------------------------------------------------------

  #build(root) {
    const { words, look } = this;
    const { panels } = words;
    const { controls, logarithmic } = look;
    this.transport = new Transport(words, (name, value) => this.#command(name, value));
    this.proof = new Proof(words);
    this.sentences = new Sentences(words, (change) => look.choose(change));
    this.replay = new Replay(words, (back) => this.#command("seek", undefined, { back }));
    this.tokens = new TokenAxis(words);

    const line = (name, fields) => new LinePlot(name, panels[name], words, fields, { logarithmic: logarithmic[name], toggled: (on) => {
      logarithmic[name] = on;
      look.keep();
    } });
    this.panels = {
      h: new UnitMap("h", panels.h, words),
      gate: new UnitMap("gate", panels.gate, words, [controls.gate]),
      dh: new UnitMap("dh", panels.dh, words, [controls.part]),
      share: new Shares(panels.share, words, [controls.weight, controls.view]),
      lag: new LagMatrix(panels.lag, words),
      loss: line("loss", { low: "lossLow", high: "lossHigh", last: "loss" }),
      norm: line("norm", { low: "normLow", high: "normHigh", last: "norm" }),
      cursor: new Readout(panels.cursor, words),
      next: new NextTokens(panels.next, words),
    };
    const { h, gate, dh, share, lag, loss, norm, cursor, next } = this.panels;
    this.maps = [h, gate, dh, share, lag];
    this.lines = [loss, norm];
    for (const plot of this.lines) {
      plot.stale = () => {
        this.readNow = true;
        this.#schedule();
      };
    }

    this.band = make("div", { class: "band", "aria-hidden": "true" });
    this.sentence = make("p", { class: "reading", "aria-hidden": "true" });
    this.stack = make(
      "div", { class: "stack", tabindex: "0", role: "group", "aria-label": words.cursor.label },
      this.band, this.tokens.element, ...this.maps.map((panel) => panel.element),
    );
    this.notice = new Notice(words, () => this.setTriggerValue("renew", true));
    this.menu = panelMenu(words, look, Object.keys(this.panels), (name, shown) => {
      look.shown = Object.keys(this.panels).filter((other) => (other === name ? shown : look.shown.includes(other)));
      this.#showPanels();
      this.#layout();
      look.keep();
      this.#say();
    });
    const badges = make("div", { class: "badges" }, this.proof.element, this.menu, this.replay.element);
    this.bar = make("div", { class: "topbar" }, this.transport.element, badges);
    const left = make("div", { class: "left" }, this.sentence, this.notice.element, this.stack);
    const beside = make("aside", {}, ...[loss, norm, cursor, next].map((panel) => panel.element));
    this.element = make(
      "div", { class: "explorer", dataset: { socket: "none", state: "none", iteration: "0", empty: "" } },
      this.bar, this.sentences.element,
      make("div", { class: "columns" }, left, beside),
    );
    this.#showPanels();
    pointing(this.stack, this.cursor, (plot, x, y) => this.#placeOf(plot, x, y), () => this.teller.soon());
    expose(this.element, this);
    this.element.dispose = () => this.dispose();
    const style = make("link", { rel: "stylesheet", href: STYLE });
    // Nothing is shown unstyled; a style sheet that cannot be had leaves a plain page rather than none.
    this.element.style.visibility = "hidden";
    style.onload = style.onerror = () => {
      this.element.style.visibility = "";
      this.#theme();
      this.#layout();
    };
    this.style = style;
    root.append(style, this.element);
    this.closeSheets = (event) => {
      const path = event.composedPath();
      if (!path.includes(this.proof.element)) this.proof.open(false);
      if (!path.includes(this.menu)) this.menu.open = false;
    };
    window.addEventListener("pointerdown", this.closeSheets);
    this.escapes = (event) => {
      if (event.key !== "Escape") return;
      this.proof.open(false);
      this.menu.open = false;
      if (!this.cursor.pinned) return;
      this.cursor.pin(false);
      this.teller.soon();
    };
    window.addEventListener("keydown", this.escapes);
  }

  #showPanels() {
    for (const [name, panel] of Object.entries(this.panels)) panel.shown = this.look.shown.includes(name);
  }

  // ---- Python's side --------------------------------------------------------------------------------------------------------

  /** New data or a new theme from the page. */
  accept({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { setStateValue, setTriggerValue });
    this.#theme();
    this.#layout();
    const before = recallRun();
    if (before !== data.run && !this.offered.has(before) && (before || !data.run)) {
      // A reloaded page: Python made a new session, but this tab still knows its run.  Said once; Python decides.
      this.offered.add(before);
      this.setTriggerValue("reattach", before ?? "");
    }
    if (data.run !== this.run || data.base !== this.base) this.#follow(data.run, data.base);
  }

  #follow(run, base) {
    this.stream?.close();
    Object.assign(this, { run, base, axis: null, frame: null, control: false, iteration: 0, stream: null });
    this.element.dataset.empty = "";
    this.tape.clear();
    this.teller.begin();
    this.#enter({ state: run ? "connecting" : "none" });
    if (!run) return;
    this.stream = new Stream(streamAddress(base, run), {
      open: () => this.#say(),
      text: (message) => this.#heard(message),
      frame: (buffer) => this.#received(buffer),
      state: (state, pause) => this.#connection(state, pause),
    });
  }

  /** What Python may want to draw from. */
  #view() {
    const { sentence, layer, gate, part, weight, view } = this.look;
    const cursor = this.cursor.pinned ? { s: this.cursor.s + 1, t: this.cursor.t + 1 } : null;
    return { state: this.status.state, iteration: this.iteration, sentence, layer, gate, part, weight, view, cursor };
  }

  // ---- the stream -----------------------------------------------------------------------------------------------------------

  #command(name, value, more = {}) {
    this.stream?.send({ do: name, ...(value === undefined ? {} : { value }), ...more });
  }

  #chosen(change) {
    this.#say(change);
    this.teller.soon();
  }

  /** Says what this viewer wants to see; `change` is what a person has just chosen. */
  #say(change) {
    this.stream?.send(this.look.message(this.control && this.axis !== null, change));
  }

  #heard(message) {
    if (message.type === "hello") {
      this.control = message.control;
      this.watch = message.watch;
      this.transport.enable(this.control, !this.control);
      if (this.control) keepRun(this.run);
    } else if (message.type === "axis") this.#axis(message);
    else if (message.type === "status") this.#enter(message);
    else if (message.type === "recording") this.replay.set(message);
    else if (message.type === "error") this.#complain(message.message);
    this.#schedule();
  }

  #axis(axis) {
    this.axis = axis;
    const { look } = this;
    look.fit(axis, this.control);
    write(this.panels.gate.line, axis.gates.length ? this.words.panels.gate.line : this.words.panels.gate.none);
    this.sentences.set(axis, look.layer, this.control);
    this.element.dataset.steps = axis.inputs.length;
    this.#layout();
    this.cursor.resize(axis.inputs.length);
    const fitted = `${look.gate} ${look.weight} ${look.layer}`;
    if (this.fitted !== fitted) {
      this.fitted = fitted;
      this.#say();
    }
  }

  #received(buffer) {
    let frame;
    try {
      frame = decode(buffer);
    } catch (reason) {
      this.#complain(reason.message);
      return;
    }
    // A replayed picture too may bring points that are new to this viewer.
    this.tape.extend(frame.tail);
    // A frame of an axis that is not here yet has nothing to stand on.
    if (frame.header.axis !== this.axis?.id) return;
    this.frame = frame;
    this.fresh = true;
    if (!frame.replayed) this.iteration = frame.header.iteration;
    this.#schedule();
  }

  /** A sentence of complaint, in the status line for a while. */
  #complain(sentence) {
    this.trouble = sentence;
    this.transport.speak(sentence);
    clearTimeout(this.relieving);
    this.relieving = setTimeout(() => {
      this.trouble = null;
      this.#words();
    }, COMPLAIN_FOR);
    this.#words();
  }

  #connection(state, pause) {
    this.element.dataset.socket = state;
    this.retryAt = state === "waiting" ? Date.now() + pause : 0;
    clearInterval(this.ticking);
    if (state === "waiting") this.ticking = setInterval(() => this.#words(), 500);
    if (state === "waiting" || state === "connecting") this.transport.enable(false);
    if (state === "waiting") this.transport.speak(this.words.status.retrying);
    this.#words();
  }

  /** A new state of the run. */
  #enter(status) {
    const { state } = status;
    const changed = state !== this.status.state;
    this.status = status;
    this.element.dataset.state = state;
    this.transport.set(status);
    this.replay.rest(this.control && ["paused", "stopped"].includes(state));
    if (changed && this.words.status[state]) this.transport.speak(this.words.status[state]);
    if (state === "gone" || state === "none") {
      this.transport.enable(false);
      if (state === "gone") this.stream?.close();
    }
    this.notice.set(state);
    this.#words();
    this.teller.soon();
  }

  // ---- layout and theme -----------------------------------------------------------------------------------------------------

  #theme() {
    const style = getComputedStyle(this.element);
    const paper = style.getPropertyValue("--paper").trim();
    const theme = themeOf(getComputedStyle(this.bar).getPropertyValue("background-color"));
    const key = `${theme} ${paper} ${style.color}`;
    if (key === this.themeKey) return;
    this.themeKey = key;
    this.palette = new Palette(theme);
    this.element.dataset.theme = theme;
    for (const [name, colour] of Object.entries(this.palette.colours)) {
      if (typeof colour === "string") this.element.style.setProperty(`--${name}`, colour);
    }
    this.laidOut = null;
    for (const panel of this.maps) panel.legendKey = null;
  }

  #layout() {
    if (!this.palette) return;
    const style = getComputedStyle(this.stack);
    const gutter = parseFloat(style.getPropertyValue("--gutter")) || 64;
    const available = Math.floor(this.stack.clientWidth - gutter);
    const wide = this.lines.find((plot) => plot.shown)?.box.clientWidth ?? 0;
    const key = `${available} ${wide} ${this.axis?.id} ${this.themeKey} ${window.devicePixelRatio} ${this.look.shown}`;
    if (key === this.laidOut || available <= 0) return;
    this.laidOut = key;
    const ink = getComputedStyle(this.sentence).color;
    const paper = getComputedStyle(this.bar).backgroundColor;
    const line = getComputedStyle(this.bar).borderBottomColor;
    for (const plot of this.lines) plot.resize(wide, ink, line, style.fontFamily);
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
      this.panels.lag.resize(shape, this.axis, paper);
      this.fresh = true;
      this.#pointed();
    }
    this.#schedule();
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
    this.readNow = true;
    this.#schedule();
  }

  // ---- painting -------------------------------------------------------------------------------------------------------------

  #schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => this.#paint());
  }

  #paint() {
    this.scheduled = false;
    if (this.disposed || !this.palette) return;
    const started = performance.now();
    const { frame, palette } = this;
    if (this.fresh && this.shape && this.#fits(frame)) {
      this.fresh = false;
      for (const panel of this.maps) if (panel.shown) panel.draw(frame, palette);
      delete this.element.dataset.empty;
      // A picture that is painted again, for a new width or theme, is no new frame.
      if (!frame.painted) this.measures.add(frame, started);
      frame.painted = true;
    }
    // Words wait for a readable moment, but the last state always gets its own.
    const due = (this.readAt ?? 0) + READ_EVERY - started;
    if (this.readNow || due <= 0) this.#read(started);
    else {
      clearTimeout(this.reading);
      this.reading = setTimeout(() => this.#read(performance.now()), due);
    }
  }

  /** Whether a frame belongs to the axis on screen: after another sentence was chosen, the old one's last frame does not. */
  #fits(frame) {
    return Boolean(frame) && frame.header.axis === this.axis?.id;
  }

  #read(now) {
    clearTimeout(this.reading);
    this.readAt = now;
    this.readNow = false;
    const { axis, frame, cursor, panels } = this;
    this.#words();
    const looking = frame?.replayed ? frame.header.iteration : null;
    for (const plot of this.lines) {
      if (!plot.shown) continue;
      plot.draw(this.tape, this.palette, axis?.clip, looking);
      plot.read(this.tape, axis?.clip);
    }
    if (frame) this.transport.count(frame.header.iteration);
    if (!this.shape || !axis || (frame && !this.#fits(frame))) return;
    this.tokens.point(cursor.t);
    const w = this.words.cursor;
    const [read, predicted] = [axis.inputs[cursor.t] ?? "", axis.targets[cursor.t] ?? ""];
    const place = fill(w.here, { t: cursor.t + 1, steps: axis.inputs.length });
    if (this.placed !== `${place} ${read} ${predicted} ${cursor.pinned}`) {
      this.placed = `${place} ${read} ${predicted} ${cursor.pinned}`;
      this.sentence.replaceChildren(
        make("span", { text: `${place} ` }), make("bdi", { text: read }),
        make("span", { text: `, ${w.predicts} ` }), make("bdi", { text: predicted }),
        make("span", { class: "hint", text: cursor.pinned ? w.pinned : w.free }),
      );
    }
    if (frame && !this.control) this.look.follow(frame.maps);
    for (const panel of this.maps) if (panel.shown) panel.read(cursor);
    if (panels.cursor.shown) panels.cursor.read(cursor, axis, frame, panels.lag);
    if (panels.next.shown) panels.next.read(cursor, axis, frame);
    if (!frame) return;
    this.proof.set(frame.header.books, axis.experiment?.dtype);
    this.sentences.inBatch(frame.header.in_batch !== false);
    this.#describe(frame);
    this.element.dataset.iteration = frame.header.iteration;
    this.element.dataset.painted = this.measures.painted;
    // A pause is told with the iteration that it stopped at, which may arrive after the word "paused".
    if (this.status.state !== "training") this.teller.soon();
  }

  /** The pictures in words, for those who cannot see them. */
  #describe(frame) {
    const { axis, cursor, panels, words } = this;
    const d = words.describe;
    const iteration = count(frame.header.iteration);
    const values = { steps: axis.inputs.length, units: axis.hidden, iteration, s: cursor.s + 1, t: cursor.t + 1 };
    for (const name of ["h", "gate", "dh"]) panels[name].describe(fill(d.map, { ...values, title: words.panels[name].title }));
    panels.lag.describe(fill(d.lag, { ...values, title: words.panels.lag.title, value: panels.lag.inWords(cursor.s, cursor.t) }));
    const { sentence = "" } = panels.share;
    panels.share.describe(fill(d.share, { title: words.panels.share.title, weight: this.look.weight ?? "", sentence }));
  }

  #words() {
    const { words, status } = this;
    const w = words.status;
    const socket = this.stream?.state ?? "none";
    if (status.state === "none" || status.state === "gone") return this.transport.say(status.state, w[status.state]);
    if (this.trouble) return this.transport.say("stopped", this.trouble);
    if (socket === "waiting") {
      const seconds = Math.max(1, Math.ceil((this.retryAt - Date.now()) / 1000));
      return this.transport.say("waiting", fill(w.waiting, { seconds }));
    }
    if (socket !== "open" || !this.frame) return this.transport.say("connecting", w.connecting);
    const { header } = this.frame;
    const state = this.frame.replayed ? "replay" : status.state;
    // The server's own words say why a run stopped; everything else is said with the numbers of the picture on screen.
    const why = status.state === "stopped" && status.words;
    const line = why || statusLine(words, state, header, this.axis?.clip, this.control);
    const pace = status.state === "training" && header.rate ? fill(w.perSecond, { n: short(header.rate, 2) }) : "";
    const rate = this.control ? pace : [pace, words.transport.watches].filter(Boolean).join(" \u00b7 ");
    this.transport.say(status.state, line, rate);
  }

  dispose() {
    if (this.disposed) return;
    this.disposed = true;
    this.stream?.close();
    this.keysOff();
    this.resized.disconnect();
    this.teller.end();
    clearTimeout(this.reading);
    clearTimeout(this.relieving);
    clearInterval(this.ticking);
    document.removeEventListener("visibilitychange", this.hides);
    window.removeEventListener("pagehide", this.leaves);
    window.removeEventListener("keydown", this.escapes);
    window.removeEventListener("pointerdown", this.closeSheets);
    this.element.remove();
    this.style.remove();
  }
}
