// What stands in the place of the pictures when there is no run to look at.

import { make } from "./dom.js";

export class Notice {
  /** `act()`: the visitor asks for a new run. */
  constructor(words, act) {
    this.words = words;
    this.act = act;
    this.element = make("div", { class: "notice", hidden: true, role: "status" });
  }

  /** Shows the words for "gone" or "none"; any other state needs none. */
  set(state) {
    const shown = state === "gone" || state === "none";
    this.element.hidden = !shown;
    if (!shown || this.state === state) return;
    this.state = state;
    const { title, text, action } = this.words[state];
    this.element.replaceChildren(
      make("h3", { text: title }), make("p", { text }),
      ...(action ? [make("button", { class: "play", type: "button", text: action, on: { click: this.act } })] : []),
    );
  }
}
