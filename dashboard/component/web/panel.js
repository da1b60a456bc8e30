// The frame that every panel stands in: title, one line that says what it shows, more behind "?", its own controls, its legend.

import { make, write } from "./dom.js";
import { fill } from "./numbers.js";

export class Panel {
  /** `texts`: {title, line, more}; `controls`: elements beside the title. */
  constructor(name, texts, words, controls = []) {
    this.name = name;
    const more = this.more = make("p", { class: "more", id: `more-${name}`, hidden: true, text: texts.more });
    const ask = make("button", {
      class: "ask", type: "button", text: "?", "aria-expanded": "false", "aria-controls": more.id,
      "aria-label": fill(words.panel.ask, { title: texts.title }), title: fill(words.panel.ask, { title: texts.title }),
      on: {
        click: () => {
          more.hidden = !more.hidden;
          ask.setAttribute("aria-expanded", String(!more.hidden));
        },
      },
    });
    this.line = make("p", { class: "line", text: texts.line });
    this.here = make("output", { class: "here", "aria-hidden": "true" });
    this.legend = make("div", { class: "legend" });
    this.body = make("div", { class: "body" });
    this.element = make(
      "section", { class: "panel", dataset: { panel: name }, "aria-label": texts.title },
      make("header", {}, make("h3", { text: texts.title }), ask, ...controls, make("span", { class: "gap" }), this.here, this.legend),
      this.line, more, this.body,
    );
  }

  say(text) {
    write(this.here, text);
  }

  set shown(shown) {
    this.element.hidden = !shown;
  }

  get shown() {
    return !this.element.hidden;
  }
}

/** A colour bar with its ends stated: [low, (0), high]. */
export function colourBar(gradient, ends) {
  return make(
    "span", { class: "bar" },
    make("span", { text: ends[0] }), make("i", { style: { background: gradient } }), make("span", { text: ends.at(-1) }),
  );
}

/** A small patch with its meaning. */
export function patch(kind, text) {
  return make("span", { class: "patch" }, make("i", { dataset: { kind } }), make("span", { text }));
}
