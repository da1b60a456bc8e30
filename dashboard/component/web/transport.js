// The transport: play or pause, one iteration, restart, speed; iteration, status in words, the proof badge.  And its keys.

import { choice, make, symbol, write } from "./dom.js";
import { count, error, fill, short } from "./numbers.js";

export const SPEEDS = [1, 2, 5, 10, 30, 100, 300, null];

export class Transport {
  /** `command(name, value)` sends; it is not called while nobody listens. */
  constructor(words, command) {
    this.words = words;
    this.command = command;
    const w = words.transport;
    const button = (name, icon, tip, listener) =>
      make("button", { class: name, type: "button", "aria-label": w[name], title: tip, on: { click: listener } }, symbol(icon));
    this.playing = false;
    this.play = make(
      "button", { class: "play", type: "button", title: w.playTip, on: { click: () => this.toggle() } },
      this.playIcon = make("span", { class: "icon" }, symbol("play")), this.playText = make("span", { text: w.play }),
    );
    this.step = button("step", "step", w.stepTip, () => this.once());
    this.restart = button("restart", "restart", w.restartTip, () => this.again());
    this.speed = choice(
      SPEEDS.map((n) => [String(n), n === null ? w.unlimited : fill(w.perSecond, { n })]), "30", w.speedTip,
      (value) => this.command("speed", value === "null" ? null : Number(value)),
    );
    this.speed.className = "speed";
    this.number = make("b", { text: "0" });
    this.iteration = make("output", { class: "iteration", "aria-hidden": "true" }, this.number, make("span", { text: w.iteration }));
    this.dot = make("i", { class: "dot", "aria-hidden": "true" });
    this.line = make("span", { class: "words" });
    this.rate = make("span", { class: "rate quiet" });
    this.spoken = make("span", { class: "spoken", role: "status", "aria-live": "polite" });
    this.status = make("div", { class: "status" }, this.dot, this.line, this.rate, this.spoken);
    this.buttons = make("div", { class: "buttons", role: "group", "aria-label": w.label }, this.play, this.step, this.restart, this.speed);
    this.element = make("div", { class: "transport" }, this.buttons, this.iteration, this.status);
    this.enable(false);
  }

  toggle() {
    if (this.play.disabled) return;
    // Shown at once; the server's own state follows within a frame or two and has the last word.
    this.#playing(!this.playing);
    this.command(this.playing ? "play" : "pause");
  }

  once() {
    if (!this.step.disabled) this.command("step");
  }

  again() {
    if (!this.restart.disabled) this.command("restart");
  }

  #playing(playing) {
    if (playing === this.playing) return;
    this.playing = playing;
    this.playIcon.replaceChildren(symbol(playing ? "pause" : "play"));
    write(this.playText, playing ? this.words.transport.pause : this.words.transport.play);
  }

  enable(enabled, watching = false) {
    for (const control of [this.play, this.step, this.restart, this.speed]) control.disabled = !enabled;
    this.buttons.title = watching ? this.words.transport.watching : "";
  }

  /** A status message: what the run does now, at which speed. */
  set({ state, speed }) {
    this.#playing(state === "training");
    if (speed === undefined) return;
    const value = String(speed);
    // A run may have been given a speed that is none of ours.
    if (![...this.speed.options].some((option) => option.value === value)) {
      this.speed.append(make("option", { value, text: fill(this.words.transport.perSecond, { n: short(speed) }) }));
    }
    this.speed.value = value;
  }

  count(iteration) {
    write(this.number, count(iteration));
  }

  /** The line of words; spoken only when the state changes, not with every number. */
  say(tone, text, rate = "") {
    if (this.dot.dataset.tone !== tone) this.dot.dataset.tone = tone;
    write(this.line, text);
    this.line.title = text;
    write(this.rate, rate);
  }

  speak(text) {
    write(this.spoken, text);
  }
}

/** The status line of a frame's numbers. */
export function statusLine(words, state, header, playable) {
  const w = words.status;
  const name = w[state] ?? state;
  if (!header.iteration || header.norm_before === null || header.norm_before === undefined) {
    const waits = playable && (state === "ready" || state === "paused");
    return fill(waits ? w.first : w.bare, { state: name, iteration: count(header.iteration) });
  }
  const { norm_before: before, norm_after: after, factor, share_clipped: share } = header;
  let norm = short(before);
  if (share > 0) norm = fill(w.valueClipped, { before: norm, after: short(after), share: short(100 * share, 2) });
  else if (factor < 1) norm = fill(w.normClipped, { before: norm, after: short(after) });
  return fill(header.ahead ? w.ahead : w.line, { state: name, iteration: count(header.iteration), loss: short(header.loss), norm });
}

export class Proof {
  /** `prove()` asks for what a picture does not carry: slopes of the loss, and autograd. */
  constructor(words, prove) {
    this.words = words.proof;
    this.badge = make("button", {
      class: "proof", type: "button", "aria-expanded": "false", on: { click: () => this.open(this.sheet.hidden) },
    });
    this.rows = make("dl");
    this.limit = make("p", { class: "quiet" });
    this.more = make("button", {
      class: "prove", type: "button", text: this.words.more, title: this.words.moreTip, hidden: true,
      on: { click: () => { this.open(false); prove(); } },
    });
    this.sheet = make(
      "div", { class: "sheet", hidden: true, role: "dialog", "aria-label": this.words.title },
      make("p", { text: this.words.text }), this.rows, this.limit, this.more,
    );
    this.element = make("div", { class: "proofbox" }, this.badge, this.sheet);
    this.set(null, "float64");
  }

  open(open) {
    this.sheet.hidden = !open;
    if (open) this.#write();
    this.badge.setAttribute("aria-expanded", String(open));
  }

  /** Only who controls a run may ask for more. */
  enable(enabled) {
    this.more.hidden = !enabled;
  }

  /** `books`: law -> relative error. */
  set(books, dtype) {
    const bound = dtype === "float32" ? 1e-4 : 1e-9;
    Object.assign(this, { books: books ?? {}, bound });
    // A book that is not finite travels as null: then nothing is known of the balance, whatever the others say.
    const errors = Object.values(books ?? {});
    const worst = errors.length && !errors.includes(null) ? Math.max(...errors) : null;
    const good = worst !== null && worst < bound;
    this.badge.dataset.good = worst === null ? "unknown" : String(good);
    const verdict = good ? `\u2713 ${this.words.balance}` : `\u2717 ${this.words.broken}`;
    write(this.badge, worst === null ? this.words.unknown : `${verdict} \u00b7 ${error(worst)}`);
    if (!this.sheet.hidden) this.#write();
  }

  /** What the sheet says, of the picture on screen. */
  #write() {
    const { books, bound } = this;
    const names = Object.keys(books);
    if (this.rows.dataset.names !== names.join()) {
      this.rows.dataset.names = names.join();
      this.rows.replaceChildren(...names.flatMap((name) => [make("dt", { text: name }), make("dd")]));
    }
    names.forEach((name, i) => write(this.rows.children[2 * i + 1], error(books[name])));
    write(this.limit, fill(this.words.limit, { limit: error(bound) }));
  }
}

const SLIDER = "input[type=range]"; // has arrows of its own, but neither space nor letters
const TYPING = "input:not([type=checkbox]):not([type=button]):not([type=range]), textarea, select, [contenteditable]:not([contenteditable=false]), [role='application']";
const OWN_ARROWS = ["slider", "listbox", "option", "combobox", "tab", "radio", "menu", "menuitem", "grid", "spinbutton", "tree"]
  .map((role) => `[role=${role}]`)
  .concat(SLIDER)
  .join();
const OWN_SPACE = "button, a, summary, label, input, [role=button], [role=switch], [role=checkbox]";

/**
 * Space, right arrow and R, from anywhere on the page but while typing.  Listens in the capture phase: Streamlit's own R (rerun) must not
 * hear what was meant for the run.  `focused(target)`: whether the pictures have the focus; their arrows are the cursor's.
 */
export function transportKeys(transport, focused) {
  const listen = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (!(target instanceof Element) || target.closest(TYPING)) return;
    if (event.key === " " && (target.matches(SLIDER) || !target.closest(OWN_SPACE))) !event.repeat && transport.toggle();
    else if (event.key === "ArrowRight" && !focused(target) && !target.closest(OWN_ARROWS)) transport.once();
    else if (event.key.toLowerCase() === "r" && !event.shiftKey) !event.repeat && transport.again();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  };
  window.addEventListener("keydown", listen, true);
  return () => window.removeEventListener("keydown", listen, true);
}
