// The frame that every panel stands in: title, one line that says what it shows, more behind "?", its own controls, its legend.

import { make, write } from "./dom.js";
import { fill } from "./numbers.js";

export class Panel {
  /** `texts`: {title, line, more}; `controls`: elements beside the title. */
  constructor(name, texts, words, controls = []) {
    this.name = name;
    this.asks = words.panel.ask;
    const more = this.more = make("p", { class: "more", id: `more-${name}`, hidden: true });
    const ask = this.ask = make("button", {
      class: "ask", type: "button", text: "?", "aria-expanded": "false", "aria-controls": more.id,
      on: {
        click: () => {
          more.hidden = !more.hidden;
          ask.setAttribute("aria-expanded", String(!more.hidden));
        },
      },
    });
    this.heading = make("h3");
    this.line = make("p", { class: "line" });
    this.here = make("output", { class: "here", "aria-hidden": "true" });
    this.legend = make("div", { class: "legend" });
    this.body = make("div", { class: "body" });
    this.element = make(
      "section", { class: "panel", dataset: { panel: name } },
      make("header", {}, this.heading, ask, ...controls, make("span", { class: "gap" }), this.here, this.legend),
      this.line, more, this.body,
    );
    this.tell(texts);
  }

  /** Other texts: the same panel may show something else of another network. */
  tell({ title, line, more }) {
    const asked = fill(this.asks, { title });
    this.title = title;
    write(this.heading, title);
    write(this.line, line);
    write(this.more, more);
    for (const [element, label] of [[this.element, title], [this.ask, asked]]) element.setAttribute("aria-label", label);
    this.ask.title = asked;
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
