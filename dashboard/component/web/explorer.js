// The explorer: one element that holds transport, sentences and panels, and one socket that feeds them.
// Streamlit calls the default export at mount, and again whenever data or theme change; the element, its socket and its pictures stay.

import { TokenAxis, layout, widthsOf } from "./axis.js";
import { Cursor } from "./cursor.js";
import { choice, make, offer, press, segments, symbol, write } from "./dom.js";
import { decode } from "./frame.js";
import { LagMatrix } from "./lagmatrix.js";
import { LinePlot } from "./lossplot.js";
import { count, fill, short } from "./numbers.js";
import { Palette, themeOf } from "./palette.js";
import { NextTokens, Readout } from "./readout.js";
import { Replay } from "./replay.js";
import { Sentences } from "./sentences.js";
import { keepRun, keepView, recallRun, recallView } from "./settings.js";
import { Shares } from "./shares.js";
import { Stream, streamAddress } from "./socket.js";
import { Tape } from "./tape.js";
import { Proof, Transport, statusLine, transportKeys } from "./transport.js";
import { UnitMap } from "./unitmap.js";
import { inWords } from "./words.js";

const READ_EVERY = 100; // ms between updates of words and lines: numbers that change more often cannot be read, and a line hardly moves
const TELL_AFTER = 300; // ms of rest before Python hears what changed
const COMPLAIN_FOR = 6000; // ms for which a sentence of complaint stays
const REMEMBERED = 600; // latencies and drawing times kept for measuring
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
    this.view = recallView();
    this.view.sentence = 0;
    this.view.layer = -1;
    if (data.fps) this.view.fps = data.fps;
    this.tape = new Tape();
    this.cursor = new Cursor(() => this.#pointed());
    this.axis = null;
    this.frame = null;
    this.status = { state: "connecting" };
    this.control = false;
    this.offered = new Set();
    this.told = JSON.stringify({ ...this.#view(), state: "ready", iteration: 0 });
    this.measures = { painted: 0, latencies: [], drawTimes: [] };
    this.#build(root);
    this.keysOff = transportKeys(this.transport, (target) => this.stack.contains(target) && this.stack.matches(":focus-within") && target === this.stack);
    this.resized = new ResizeObserver(() => this.#layout());
    this.resized.observe(this.element);
    this.hides = () => {
      if (document.hidden) keepRun(this.control ? this.run : null);
      this.#look();
    };
    // The address may have changed since the mount (settings live in it): what counts is the one that will be loaded again.
    this.leaves = () => keepRun(this.control ? this.run : null);
    document.addEventListener("visibilitychange", this.hides);
    window.addEventListener("pagehide", this.leaves);
  }

  // ---- building -------------------------------------------------------------------------------------------------------------

  #build(root) {
    const { words, view } = this;
    const { panels } = words;
    this.transport = new Transport(words, (name, value) => this.#command(name, value));
    this.proof = new Proof(words);
    this.sentences = new Sentences(words, (change) => this.#choose(change));
    this.replay = new Replay(words, (back) => this.#command("seek", undefined, { back }));
    this.tokens = new TokenAxis(words);

    this.gate = choice([], "", panels.gate.choose, (gate) => this.#choose({ gate }));
    this.part = segments(Object.entries(panels.dh.parts), view.part, panels.dh.choose, (part) => this.#choose({ part }));
    this.weight = choice([], "", panels.share.choose, (weight) => this.#choose({ weight }));
    this.shareView = segments(Object.entries(panels.share.views), view.view, panels.share.view, (chosen) => this.#choose({ view: chosen }));
    const toggled = (name) => (on) => {
      view.logarithmic[name] = on;
      keepView(this.#remembered());
    };
    this.panels = {
      h: new UnitMap("h", panels.h, words),
      gate: new UnitMap("gate", panels.gate, words, [this.gate]),
      dh: new UnitMap("dh", panels.dh, words, [this.part]),
      share: new Shares(panels.share, words, [this.weight, this.shareView]),
      lag: new LagMatrix(panels.lag, words),
      loss: new LinePlot("loss", panels.loss, words, { low: "lossLow", high: "lossHigh", last: "loss" }, { logarithmic: view.logarithmic.loss, toggled: toggled("loss") }),
      norm: new LinePlot("norm", panels.norm, words, { low: "normLow", high: "normHigh", last: "norm" }, { logarithmic: view.logarithmic.norm, toggled: toggled("norm") }),
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
      "div", { class: "stack", tabindex: "0", role: "group", "aria-label": words.cursor.label }, this.band, this.tokens.element, ...this.maps.map((panel) => panel.element),
    );
    this.notice = make("div", { class: "notice", hidden: true, role: "status" });
    this.menu = this.#menu();
    this.bar = make("div", { class: "topbar" }, this.transport.element, make("div", { class: "badges" }, this.proof.element, this.menu, this.replay.element));
    this.element = make(
      "div", { class: "explorer", dataset: { socket: "none", state: "none", iteration: "0", empty: "" } },
      this.bar, this.sentences.element,
      make("div", { class: "columns" }, make("div", { class: "left" }, this.sentence, this.notice, this.stack), make("aside", {}, ...[loss, norm, cursor, next].map((panel) => panel.element))),
    );
    this.#showPanels();
    this.#pointer();
    this.#expose();
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
  }

  #menu() {
    const { words, view } = this;
    const check = (name) => {
      const box = make("input", {
        type: "checkbox",
        on: {
          change: () => {
            view.shown = Object.keys(this.panels).filter((other) => (other === name ? box.checked : view.shown.includes(other)));
            this.#showPanels();
            this.#layout();
            this.#look();
            keepView(this.#remembered());
          },
        },
      });
      box.checked = view.shown.includes(name);
      return make("label", {}, box, make("span", { text: words.panels[name].title }));
    };
    const range = segments(
      [["following", words.panel.following], ["fixed", words.panel.fixed]], view.range, words.panel.range,
      (chosen) => (press(range, chosen), this.#choose({ range: chosen })),
    );
    const smooth = segments(["15", "30", "60"].map((n) => [n, n]), String(view.fps), words.panel.smooth, (n) => (press(smooth, n), this.#choose({ fps: Number(n) })));
    return make(
      "details", { class: "menu" },
      make("summary", { title: words.panel.menuTip }, symbol("panels"), make("span", { text: words.panel.menu })),
      make(
        "div", { class: "sheet" }, make("div", { class: "checks" }, ...Object.keys(this.panels).map(check)),
        make("div", { class: "setting" }, make("span", { text: words.panel.range }), range), make("div", { class: "setting" }, make("span", { text: words.panel.smooth }), smooth),
      ),
    );
  }

  #showPanels() {
    for (const [name, panel] of Object.entries(this.panels)) panel.shown = this.view.shown.includes(name);
  }

  /** What a test or a benchmark may read, and nothing else. */
  #expose() {
    const self = this;
    Object.defineProperty(this.element, "bptt", {
      value: Object.freeze({
        get iteration() { return self.iteration; },
        get loss() { return self.frame?.header.loss ?? null; },
        get state() { return self.status.state; },
        get socket() { return self.stream?.state ?? "none"; },
        get opened() { return self.stream?.opened ?? 0; },
        get control() { return self.control; },
        get painted() { return self.measures.painted; },
        get latencies() { return [...self.measures.latencies]; },
        get drawTimes() { return [...self.measures.drawTimes]; },
        get steps() { return self.axis?.inputs.length ?? 0; },
        get points() { return self.tape.bins; },
        get cursor() { return { s: self.cursor.s + 1, t: self.cursor.t + 1, pinned: self.cursor.pinned }; },
        get arrays() { return Object.keys(self.frame?.maps ?? {}); },
      }),
    });
    this.element.dispose = () => this.dispose();
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
    this.told = JSON.stringify({ ...this.#view(), state: "ready", iteration: 0 });
    this.#enter({ state: run ? "connecting" : "none" });
    if (!run) return;
    this.stream = new Stream(streamAddress(base, run), {
      open: () => this.#look(),
      text: (message) => this.#heard(message),
      frame: (buffer) => this.#received(buffer),
      state: (state, pause) => this.#connection(state, pause),
    });
  }

  /** What Python may want to draw from. */
  #view() {
    const { sentence, layer, gate, part, weight, view } = this.view;
    const cursor = this.cursor?.pinned ? { s: this.cursor.s + 1, t: this.cursor.t + 1 } : null;
    return { state: this.status?.state ?? "none", iteration: this.iteration ?? 0, sentence, layer, gate, part, weight, view, cursor };
  }

  /** Tells Python after a rest: the resting state when training rests, one word when it starts again.  Never at frame rate. */
  #tell() {
    clearTimeout(this.telling);
    this.telling = setTimeout(() => {
      const { state } = this.status;
      if (!this.control || !["ready", "paused", "stopped", "training"].includes(state)) return;
      const view = this.#view();
      const told = JSON.parse(this.told);
      if (state === "training") {
        if (told.state === "training") return;
        view.iteration = told.iteration;
      }
      const text = JSON.stringify(view);
      if (text === this.told) return;
      this.told = text;
      this.setStateValue("view", view);
    }, TELL_AFTER);
  }

  // ---- the stream -----------------------------------------------------------------------------------------------------------

  #command(name, value, more = {}) {
    this.stream?.send({ do: name, ...(value === undefined ? {} : { value }), ...more });
  }

  #choose(change) {
    Object.assign(this.view, change);
    press(this.part, this.view.part);
    press(this.shareView, this.view.view);
    keepView(this.#remembered());
    this.#look(change);
    this.#tell();
  }

  #remembered() {
    const { sentence, layer, ...kept } = this.view;
    return kept;
  }

  /** Says what this viewer wants to see; `change` is what a person has just chosen. */
  #look(change = {}) {
    const { view } = this;
    const wanted = { h: ["h"], gate: ["gate"], dh: ["dh"], share: ["share"], lag: ["lag"], next: ["next"], cursor: ["h", "dh", "lag"], loss: [], norm: [] };
    const show = [...new Set(view.shown.flatMap((name) => wanted[name] ?? []))];
    const message = { do: "look", show, fps: document.hidden ? 1 : view.fps };
    // What the run shows to all who watch is for its owner to say, once it is known what there is to choose from.  Its sentence is
    // left as it is until somebody chooses another: a reloaded page finds what it showed.
    if (this.control && this.axis) {
      Object.assign(message, { layer: view.layer, part: view.part, view: view.view, range: view.range });
      if (view.gate) message.gate = view.gate;
      if (view.weight) message.weight = view.weight;
      if ("sentence" in change) message.sentence = change.sentence;
    }
    this.stream?.send(message);
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
    const { view } = this;
    view.sentence = axis.sentence;
    // A choice that this model does not have falls back to the most telling one that it has.
    if (!axis.gates.includes(view.gate)) view.gate = axis.gates.includes("f") ? "f" : (axis.gates[0] ?? null);
    if (!axis.weights.includes(view.weight)) view.weight = axis.weights.findLast((name) => name.includes("weight_hh")) ?? axis.weights[0] ?? null;
    if (view.layer >= axis.layers) view.layer = -1;
    offer(this.gate, axis.gates.map((gate) => [gate, gate]), view.gate);
    offer(this.weight, axis.weights.map((name) => [name, name]), view.weight);
    for (const control of [this.gate, this.weight, ...this.part.children, ...this.shareView.children]) control.disabled = !this.control;
    this.gate.hidden = axis.gates.length === 0;
    write(this.panels.gate.line, axis.gates.length ? this.words.panels.gate.line : this.words.panels.gate.none);
    this.sentences.set(axis, view.layer, this.control);
    this.element.dataset.steps = axis.inputs.length;
    this.#layout();
    this.cursor.resize(axis.inputs.length);
    if (this.lookedAt !== `${view.gate} ${view.weight} ${view.layer}`) {
      this.lookedAt = `${view.gate} ${view.weight} ${view.layer}`;
      this.#look();
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
    this.#notice();
    this.#words();
    this.#tell();
  }

  #notice() {
    const { state } = this.status;
    const text = this.words[state];
    const shown = state === "gone" || state === "none";
    this.notice.hidden = !shown;
    if (!shown || this.notice.dataset.state === state) return;
    this.notice.dataset.state = state;
    this.notice.replaceChildren(
      make("h3", { text: text.title }), make("p", { text: text.text }),
      ...(text.action ? [make("button", { class: "play", type: "button", text: text.action, on: { click: () => this.setTriggerValue("renew", true) } })] : []),
    );
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
    for (const [name, colour] of Object.entries(this.palette.colours)) if (typeof colour === "string") this.element.style.setProperty(`--${name}`, colour);
    this.laidOut = null;
    for (const panel of this.maps) panel.legendKey = null;
  }

  #layout() {
    if (!this.palette) return;
    const style = getComputedStyle(this.stack);
    const gutter = parseFloat(style.getPropertyValue("--gutter")) || 64;
    const available = Math.floor(this.stack.clientWidth - gutter);
    const wide = this.lines.find((plot) => plot.shown)?.box.clientWidth ?? 0;
    const key = `${available} ${wide} ${this.axis?.id} ${this.themeKey} ${window.devicePixelRatio} ${this.view.shown}`;
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

  #pointer() {
    const at = (event) => {
      if (!this.shape) return null;
      const plot = event.target.closest?.(".plot, .axisrows");
      if (!plot) return null;
      const box = plot.getBoundingClientRect();
      const t = Math.min(this.shape.steps - 1, Math.max(0, Math.floor((event.clientX - box.left) / this.shape.column)));
      const panel = this.maps.find((one) => one.plot === plot);
      return { t, ...(panel?.under?.(event.clientY - box.top) ?? {}) };
    };
    this.stack.addEventListener("pointermove", (event) => {
      const place = at(event);
      if (place) this.cursor.hover(place);
    });
    this.stack.addEventListener("click", (event) => {
      const place = at(event);
      if (!place) return;
      this.cursor.click(place);
      this.#tell();
    });
    this.stack.addEventListener("keydown", (event) => {
      if (event.target !== this.stack) return;
      const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (by) this.cursor.move(...by);
      else if (event.key === "Home") this.cursor.move(-this.cursor.steps, 0);
      else if (event.key === "End") this.cursor.move(this.cursor.steps, 0);
      else if (event.key === "Enter") this.cursor.pin(!this.cursor.pinned);
      else return;
      event.preventDefault();
      this.#tell();
    });
    this.escapes = (event) => {
      if (event.key !== "Escape") return;
      this.proof.open(false);
      this.menu.open = false;
      if (this.cursor.pinned) {
        this.cursor.pin(false);
        this.#tell();
      }
    };
    window.addEventListener("keydown", this.escapes);
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
    const fresh = this.fresh && frame && this.shape;
    if (fresh) for (const panel of this.maps) if (panel.shown) panel.draw(frame, palette);
    if (fresh) {
      this.fresh = false;
      delete this.element.dataset.empty;
      // A picture that is painted again, for a new width or theme, is no new frame.
      if (!frame.painted) this.#measure(frame, started);
    }
    // Words wait for a readable moment, but the last state always gets its own.
    const due = (this.readAt ?? 0) + READ_EVERY - started;
    if (this.readNow || due <= 0) this.#read(started);
    else {
      clearTimeout(this.reading);
      this.reading = setTimeout(() => this.#read(performance.now()), due);
    }
  }

  #measure(frame, started) {
    const { measures } = this;
    const now = performance.now();
    frame.painted = true;
    measures.painted += 1;
    remember(measures.latencies, performance.timeOrigin + now - 1000 * frame.header.captured);
    remember(measures.drawTimes, now - started);
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
    if (!axis || !this.shape) return;
    this.tokens.point(cursor.t);
    const w = this.words.cursor;
    const [read, predicted] = [axis.inputs[cursor.t] ?? "", axis.targets[cursor.t] ?? ""];
    const place = fill(w.here, { t: cursor.t + 1, steps: axis.inputs.length });
    if (this.placed !== `${place} ${read} ${predicted} ${cursor.pinned}`) {
      this.placed = `${place} ${read} ${predicted} ${cursor.pinned}`;
      this.sentence.replaceChildren(
        make("span", { text: `${place} ` }), make("bdi", { text: read }), make("span", { text: `, ${w.predicts} ` }), make("bdi", { text: predicted }),
        make("span", { class: "hint", text: cursor.pinned ? w.pinned : w.free }),
      );
    }
    if (frame && !this.control) this.#follows(frame.maps);
    for (const panel of this.maps) if (panel.shown) panel.read(cursor);
    if (panels.cursor.shown) panels.cursor.read(cursor, axis, frame, panels.lag);
    if (panels.next.shown) panels.next.read(cursor, axis, frame);
    if (!frame) return;
    this.proof.set(frame.header.books, axis.experiment?.dtype);
    this.sentences.inBatch(frame.header.in_batch !== false);
    const d = this.words.describe;
    const values = { steps: axis.inputs.length, units: axis.hidden, iteration: count(frame.header.iteration) };
    for (const name of ["h", "gate", "dh"]) panels[name].describe(fill(d.map, { ...values, title: this.words.panels[name].title }));
    panels.lag.describe(fill(d.lag, { ...values, title: this.words.panels.lag.title, s: cursor.s + 1, t: cursor.t + 1, value: panels.lag.inWords(cursor.s, cursor.t) }));
    panels.share.describe(fill(d.share, { title: this.words.panels.share.title, weight: this.view.weight ?? "", sentence: panels.share.sentence ?? "" }));
    this.element.dataset.iteration = frame.header.iteration;
    this.element.dataset.painted = this.measures.painted;
    // A pause is told with the iteration that it stopped at, which may arrive after the word "paused".
    if (this.status.state !== "training") this.#tell();
  }

  /** Who only watches sees what the owner chose. */
  #follows({ dh, gate, share }) {
    if (dh) press(this.part, dh.part);
    if (gate) this.gate.value = gate.gate;
    if (share) {
      this.weight.value = share.weight;
      press(this.shareView, share.view);
    }
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
    const line = status.state === "stopped" && status.words ? status.words : statusLine(words, state, header, this.axis?.clip, this.control);
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
    clearTimeout(this.telling);
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

function remember(list, value) {
  list.push(value);
  if (list.length > REMEMBERED) list.shift();
}
