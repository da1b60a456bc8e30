// What is looked at: which panels this viewer sees, and which sentence, layer, gate, part and weight the run shows to all its viewers.

import { choice, offer, press, segments } from "./dom.js";
import { fill } from "./numbers.js";
import { keepView, recallView } from "./settings.js";

// The arrays of a frame that each panel draws from.
const NEEDS = {
  h: ["h"], gate: ["gate"], dh: ["dh"], share: ["share"], lag: ["lag"], attention: ["attention"], next: ["next"],
  forecast: ["forecast"], cursor: ["h", "dh", "lag", "next"], loss: [], norm: [],
};

export class Look {
  /** `chose(change)`: somebody chose something else. */
  constructor(words, fps, chose) {
    Object.assign(this, recallView(), { words, sentence: 0, layer: -1, head: -1 });
    if (fps) this.fps = fps;
    this.chose = chose;
    const { gate, dh, share, lag, attention } = words.panels;
    this.controls = {
      gate: choice([], "", gate.choose, (name) => this.choose({ gate: name })),
      part: segments(Object.entries(dh.parts), this.part, dh.choose, (part) => this.choose({ part })),
      weight: choice([], "", share.choose, (weight) => this.choose({ weight })),
      path: segments(Object.entries(lag.paths), this.path, lag.choose, (path) => this.choose({ path })),
      head: choice([], "", attention.choose, (head) => this.choose({ head: Number(head) })),
      view: segments(Object.entries(share.views), this.view, share.view, (view) => this.choose({ view })),
    };
  }

  choose(change) {
    Object.assign(this, change);
    press(this.controls.part, this.part);
    press(this.controls.path, this.path);
    press(this.controls.view, this.view);
    this.keep();
    this.chose(change);
  }

  /** Remembers everything but the sentence and the layer, which belong to one run. */
  keep() {
    const { shown, gate, part, weight, path, view, fps, range, logarithmic } = this;
    keepView({ shown, gate, part, weight, path, view, fps, range, logarithmic });
  }

  /** Fits the choices to what a run has; a choice that it does not have becomes the most telling one that it has. */
  fit(axis, control) {
    this.sentence = axis.sentence;
    if (!axis.gates.includes(this.gate)) this.gate = axis.gates.includes("f") ? "f" : (axis.gates[0] ?? null);
    if (!axis.weights.includes(this.weight)) {
      this.weight = axis.weights.findLast((name) => name.includes("weight_hh")) ?? axis.weights[0] ?? null;
    }
    if (this.layer >= axis.layers) this.layer = -1;
    if (this.head >= axis.heads) this.head = -1;
    const { gate, part, weight, path, head, view } = this.controls;
    const { every, one } = this.words.panels.attention;
    offer(head, [["-1", every], ...Array.from({ length: axis.heads }, (_, i) => [String(i), fill(one, { n: i + 1 })])], String(this.head));
    head.hidden = axis.heads < 2;
    const absent = { attention: !axis.heads, recurrent: !axis.recurrent };
    for (const button of part.children) button.hidden = Boolean(absent[button.dataset.value]);
    if (absent[this.part]) this.part = "total";
    press(part, this.part);
    // Without a recurrence there is one way alone.
    if (!axis.recurrent) this.path = "total";
    path.hidden = !axis.heads || !axis.recurrent;
    offer(gate, axis.gates.map((name) => [name, name]), this.gate);
    offer(weight, axis.weights.map((name) => [name, name]), this.weight);
    for (const choosing of [gate, weight, head, ...part.children, ...path.children, ...view.children]) choosing.disabled = !control;
    gate.hidden = axis.gates.length === 0;
  }

  /** Who only watches sees what the owner chose. */
  follow({ dh, gate, share, lag, attention }) {
    if (dh) press(this.controls.part, dh.part);
    if (lag) press(this.controls.path, lag.path);
    if (attention) this.controls.head.value = String(attention.head);
    if (gate) this.controls.gate.value = gate.gate;
    if (share) {
      this.controls.weight.value = share.weight;
      press(this.controls.view, share.view);
    }
  }

  /**
   * The message that says so.  What the run shows to all is for its owner to say, once it is known what there is to choose from (`owner`).
   * Its sentence and layer are left as they are until somebody chooses others (`change`): a reloaded page finds what it showed.
   */
  message(owner, change = {}) {
    const show = [...new Set(this.shown.flatMap((name) => NEEDS[name] ?? []))];
    // A page that nobody sees asks for a sign of life only.
    const message = { do: "look", show, fps: document.hidden ? 1 : this.fps };
    if (!owner) return message;
    const { part, path, head, view, range, gate, weight } = this;
    Object.assign(message, { part, path, head, view, range });
    if (gate) message.gate = gate;
    if (weight) message.weight = weight;
    for (const name of ["sentence", "layer"]) if (name in change) message[name] = change[name];
    return message;
  }
}
