// Which sentence, and which layer, is on screen.

import { choice, make, offer, write } from "./dom.js";
import { fill } from "./numbers.js";

const BUTTONS = 6;

export class Sentences {
  constructor(words, chose) {
    this.words = words;
    this.chose = chose;
    this.list = make("div", { class: "choices", role: "group", "aria-label": words.sentences.choose });
    this.select = choice([], "", words.sentences.choose, (value) => chose({ sentence: Number(value) }));
    this.select.className = "sentence";
    this.layer = choice([], "", words.sentences.layer, (value) => chose({ layer: Number(value) }));
    this.layer.className = "layer";
    this.batch = make("span", { class: "batch quiet" });
    this.element = make("div", { class: "sentences" }, this.list, this.select, this.layer, this.batch);
  }

  set({ sentences, sentence, layers, series, known }, layer, enabled) {
    const many = sentences.length > BUTTONS;
    const { choose, window, sequence } = this.words.sentences;
    const name = series ? window : known ? sequence : choose;
    this.list.setAttribute("aria-label", name);
    this.select.setAttribute("aria-label", name);
    this.select.title = name;
    this.select.hidden = !many;
    this.list.hidden = many;
    if (many) offer(this.select, sentences.map((text, i) => [String(i), text]), String(sentence));
    else {
      const signature = JSON.stringify(sentences);
      if (this.list.dataset.offered !== signature) {
        this.list.dataset.offered = signature;
        this.list.replaceChildren(
          ...sentences.map((text, i) =>
            make(
              "button", { type: "button", title: text, dir: "auto", on: { click: () => this.chose({ sentence: i }) } },
              make("bdi", { text }),
            ),
          ),
        );
      }
      [...this.list.children].forEach((button, i) => button.setAttribute("aria-pressed", String(i === sentence)));
    }
    this.layer.hidden = layers < 2;
    this.layers = layers;
    offer(
      this.layer, Array.from({ length: layers }, (_, i) => [String(i), fill(this.words.sentences.layerOf, { n: i + 1, all: layers })]), "0",
    );
    this.onLayer(layer);
    for (const control of [this.select, this.layer, ...this.list.children]) control.disabled = !enabled;
  }

  /** The layer that the picture on screen shows; below 0 it counts from the top. */
  onLayer(layer) {
    const shown = String(layer < 0 ? this.layers + layer : layer);
    if (this.layer.value !== shown) this.layer.value = shown;
  }

  inBatch(inside) {
    write(this.batch, inside ? "" : this.words.sentences.outside);
  }
}
