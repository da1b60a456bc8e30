// The status line: what the run does, or what keeps it from being seen, in words.

import { fill, short } from "./numbers.js";
import { statusLine } from "./transport.js";

const COMPLAIN_FOR = 6000; // ms for which a sentence of complaint stays

export class Status {
  /** `seen()`: {frame, control, socket}, as it is now. */
  constructor(words, transport, seen) {
    Object.assign(this, { words, transport, seen, run: { state: "connecting" }, trouble: null });
  }

  /** A new state of the run. */
  enter(run) {
    const changed = run.state !== this.run.state;
    this.run = run;
    this.transport.set(run);
    if (changed && this.words.status[run.state]) this.transport.speak(this.words.status[run.state]);
    this.say();
  }

  /** A sentence of complaint, for a while. */
  complain(sentence) {
    this.trouble = sentence;
    this.transport.speak(sentence);
    clearTimeout(this.relieving);
    this.relieving = setTimeout(() => {
      this.trouble = null;
      this.say();
    }, COMPLAIN_FOR);
    this.say();
  }

  /** The socket is "open", "connecting", or "waiting" for so many milliseconds. */
  connection(state, pause) {
    this.retryAt = state === "waiting" ? Date.now() + pause : 0;
    clearInterval(this.ticking);
    if (state === "waiting") {
      this.ticking = setInterval(() => this.say(), 500);
      this.transport.speak(this.words.status.retrying);
    }
    if (state === "waiting" || state === "connecting") this.transport.enable(false);
    this.say();
  }

  say() {
    const { words, run, transport } = this;
    const w = words.status;
    const { frame, control, socket } = this.seen();
    if (run.state === "none" || run.state === "gone") return transport.say(run.state, w[run.state]);
    if (this.trouble) return transport.say("stopped", this.trouble);
    if (socket === "waiting") {
      const seconds = Math.max(1, Math.ceil((this.retryAt - Date.now()) / 1000));
      return transport.say("waiting", fill(w.waiting, { seconds }));
    }
    if (socket !== "open" || !frame) return transport.say("connecting", frame ? w.retrying : w.connecting);
    const { header } = frame;
    const state = frame.replayed ? "replay" : run.state;
    // The server's own words say why a run stopped; everything else is said with the numbers of the picture on screen.
    const why = run.state === "stopped" && !frame.replayed && run.words;
    const line = why || statusLine(words, state, header, control);
    const pace = run.state === "training" && header.rate ? fill(w.perSecond, { n: short(header.rate, 2) }) : "";
    const rate = control ? pace : [pace, words.transport.watches].filter(Boolean).join(" \u00b7 ");
    transport.say(run.state, line, rate);
  }

  end() {
    clearTimeout(this.relieving);
    clearInterval(this.ticking);
  }
}
