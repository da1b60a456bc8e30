// The explorer: one element that holds transport, sentences and pictures, and one socket that feeds them.
// Through all reruns of the page the element, its socket and its pictures stay.

import { Agreement } from "./agreement.js";
import { adopt, make, write } from "./dom.js";
import style from "./explorer.css" with { type: "css" };
import { decode } from "./frame.js";
import { plotly } from "./library.js";
import { Look } from "./look.js";
import { Measures, expose } from "./measures.js";
import { mounted } from "./mounting.js";
import { Notice } from "./notice.js";
import { panelMenu } from "./panelmenu.js";
import { Pictures } from "./pictures.js";
import { Replay } from "./replay.js";
import { Rhythm } from "./rhythm.js";
import { Sentences } from "./sentences.js";
import { keepRun } from "./settings.js";
import { closing } from "./sheets.js";
import { Stream, streamAddress } from "./socket.js";
import { Status } from "./status.js";
import { TabRun, wish } from "./tabrun.js";
import { Teller } from "./teller.js";
import { Proof, Transport, transportKeys } from "./transport.js";
import { arrival, visits } from "./visits.js";
import { inWords } from "./words.js";

// ms after a picture that stays.  The figures of the other pages take code that is better run before they are wanted.  That takes half a
// second, in which a page does nothing else: so it waits until nothing has moved for a while.
const QUIET = 3000;

export default mounted((root, data) => {
  // An older version of these modules may have been here: its element goes, its socket with it.
  root.querySelector(".explorer")?.dispose?.();
  return new Explorer(root, data);
});

class Explorer {
  constructor(root, data) {
    this.words = inWords(data.words);
    this.control = null; // not known until the run has said hello
    this.kept = new TabRun(() => (this.control ? this.run : null));
    this.iteration = 0;
    this.measures = new Measures();
    this.rhythm = new Rhythm((started) => this.#draw(started), () => this.#read());
    this.look = new Look(this.words, data.fps, (change) => this.#chosen(change));
    this.pictures = new Pictures(this.words, this.look, { stale: () => this.rhythm.schedule(true), settled: () => this.teller.soon() });
    this.#build(root);
    this.teller = new Teller(() => this.#view(), (view) => this.setStateValue("view", view));
    this.resized = new ResizeObserver(() => this.pictures.layout());
    this.resized.observe(this.element);
    const { stack, cursor } = this.pictures;
    this.keysOff = transportKeys(this.transport, (target) => target === stack);
    this.sheetsOff = closing([[this.proof.element, () => this.proof.open(false)], [this.menu, () => (this.menu.open = false)]], () => {
      if (!cursor.pinned) return;
      cursor.pin(false);
      this.teller.soon();
    });
    this.hides = () => this.#say();
    this.agreement = new Agreement(() => this.setTriggerValue("differs", true));
    this.visitsOff = visits(() => this.control ?? true, (search) => this.#ask("visited", search));
    document.addEventListener("visibilitychange", this.hides);
  }

  // What tests and benchmarks may read (measures.js).
  get frame() { return this.pictures.frame; }
  get axis() { return this.pictures.axis; }
  get tape() { return this.pictures.tape; }
  get cursor() { return this.pictures.cursor; }

  #build(root) {
    const { words, look, pictures } = this;
    this.transport = new Transport(words, (name, value) => this.#command(name, value));
    this.status = new Status(words, this.transport, () => ({
      frame: this.frame, control: this.control, socket: this.stream?.state ?? "none",
    }));
    this.proof = new Proof(words, () => this.#ask("prove"));
    this.sentences = new Sentences(words, (change) => look.choose(change));
    this.replay = new Replay(words, (back) => this.#command("seek", undefined, { back }));
    this.notice = new Notice(words, () => this.#ask("renew"));
    const names = Object.keys(pictures.panels);
    this.menu = panelMenu(words, look, names, (name, shown) => {
      look.shown = names.filter((other) => (other === name ? shown : look.shown.includes(other)));
      pictures.show();
      pictures.layout();
      look.keep();
      this.#say();
    });
    const badges = make("div", { class: "badges" }, this.proof.element, this.menu, this.replay.element);
    this.bar = make("div", { class: "topbar" }, this.transport.element, badges);
    const left = make("div", { class: "left" }, pictures.panels.forecast.element, pictures.sentence, this.notice.element, pictures.stack);
    this.element = make(
      "div", { class: "explorer", dataset: { socket: "none", state: "none", iteration: "0", empty: "" } },
      this.bar, this.sentences.element,
      make("div", { class: "columns" }, left, pictures.beside),
    );
    expose(this.element, this);
    this.element.dispose = () => this.dispose();
    adopt(root, style);
    root.append(this.element);
    pictures.theme(this.element, this.bar);
    pictures.layout();
  }

  // ---- Python's side --------------------------------------------------------------------------------------------------------

  /** New data or a new theme from the page. */
  accept({ data, setStateValue, setTriggerValue }) {
    Object.assign(this, { setStateValue, setTriggerValue });
    this.pictures.theme(this.element, this.bar);
    this.pictures.layout();
    this.agreement.page(data.experiment);
    this.kept.offer(data.run, (offered) => this.setStateValue("reattach", offered));
    if (data.run !== this.run || data.base !== this.base) this.#follow(data.run, data.base);
    this.pictures.panels.forecast.beside(data.baselines);
    if (data.awaited && !this.arriving) {
      this.arriving = arrival(data.base + data.awaited, () => {
        this.arriving = null;
        this.#ask("arrived");
      });
    }
  }

  #ask(name, value) {
    this.setStateValue(name, wish(value));
  }

  #follow(run, base) {
    this.stream?.close();
    Object.assign(this, { run, base, control: null, iteration: 0, stream: null });
    this.element.dataset.empty = "";
    this.pictures.clear();
    this.teller.begin();
    this.#enter({ state: run ? "connecting" : "none" });
    this.agreement.run(null);
    if (!run) return;
    this.stream = new Stream(streamAddress(base, run), {
      open: () => this.#say(),
      text: (message) => this.#heard(message),
      frame: (buffer) => this.#received(buffer),
      state: (state, pause) => {
        this.element.dataset.socket = state;
        this.status.connection(state, pause);
      },
    });
  }

  /** What Python may want to draw from. */
  #view() {
    const { sentence, layer, gate, part, weight, view } = this.look;
    const cursor = this.cursor.pinned ? { s: this.cursor.s + 1, t: this.cursor.t + 1 } : null;
    const back = this.frame?.replayed ? this.frame.header.iteration : null;
    return { state: this.status.run.state, iteration: this.iteration, back, sentence, layer, gate, part, weight, view, cursor };
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
      this.transport.enable(this.control, !this.control);
      this.proof.enable(this.control);
      if (this.control) keepRun(this.run);
    } else if (message.type === "axis") this.#stand(message);
    else if (message.type === "status") this.#enter(message);
    else if (message.type === "recording") this.replay.set(message);
    else if (message.type === "error") this.status.complain(message.message);
    this.rhythm.schedule();
  }

  #stand(axis) {
    this.agreement.run(axis.experiment);
    const { look } = this;
    look.fit(axis, this.control);
    this.pictures.stand(axis);
    write(this.menu.querySelector("[data-shows=h] span"), this.pictures.panels.h.title);
    for (const choice of this.menu.querySelectorAll("[data-shows]")) choice.hidden = this.pictures.pointless.includes(choice.dataset.shows);
    this.sentences.set(axis, look.layer, this.control);
    this.element.dataset.steps = axis.inputs.length;
    this.pictures.layout();
    this.cursor.resize(axis.inputs.length);
    const fitted = `${look.gate} ${look.weight} ${look.layer} ${look.path}`;
    if (this.fitted !== fitted) {
      if (this.fitted === undefined) this.teller.begin(); // what there is to choose from is known: nobody has chosen yet
      this.fitted = fitted;
      this.#say();
    }
  }

  #received(buffer) {
    let frame;
    try {
      frame = decode(buffer);
    } catch (reason) {
      this.status.complain(reason.message);
      return;
    }
    if (!this.pictures.take(frame)) return;
    if (!frame.replayed) {
      this.iteration = frame.header.iteration;
      this.replay.live();
    }
    this.rhythm.schedule();
  }

  /** A new state of the run. */
  #enter(status) {
    const { state } = status;
    this.element.dataset.state = state;
    this.status.enter(status);
    this.replay.rest(this.control && ["paused", "stopped"].includes(state));
    if (state === "gone" || state === "none") {
      this.transport.enable(false);
      if (state === "gone") this.stream?.close();
    }
    this.notice.set(state);
    this.teller.soon();
  }

  // ---- painting -------------------------------------------------------------------------------------------------------------

  #draw(started) {
    if (!this.pictures.palette) return false;
    if (this.pictures.draw()) this.measures.add(this.frame, started);
    if (this.frame?.painted) delete this.element.dataset.empty;
    return true;
  }

  #read() {
    const { frame, pictures } = this;
    this.status.say();
    if (frame) this.transport.count(frame.header.iteration);
    if (!pictures.read(this.control)) return;
    this.proof.set(frame.header.books, this.axis.experiment?.dtype);
    this.sentences.inBatch(frame.header.in_batch !== false);
    const { layer = this.look.layer } = frame.maps.loss_steps ?? {};
    this.look.layer = layer;
    this.sentences.onLayer(layer);
    this.element.dataset.iteration = frame.header.iteration;
    this.element.dataset.painted = this.measures.painted;
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => plotly().catch(() => {}), QUIET);
    // A pause is told with the iteration that it stopped at, which may arrive after the word "paused".
    if (this.status.run.state !== "training") this.teller.soon();
  }

  dispose() {
    if (this.disposed) return;
    this.disposed = true;
    this.stream?.close();
    this.keysOff();
    this.sheetsOff();
    this.resized.disconnect();
    clearTimeout(this.quiet);
    this.teller.end();
    this.rhythm.end();
    this.status.end();
    this.agreement.end();
    this.visitsOff();
    this.arriving?.();
    document.removeEventListener("visibilitychange", this.hides);
    this.kept.end();
    this.element.remove();
  }
}
