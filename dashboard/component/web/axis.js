// The token axis that all panels share: how wide a column is, and the labels above it.

import { make } from "./dom.js";

const LABEL_ROOM = 92;
const NARROWEST = 1;
const LINE = 13;

const MOSTLY = 0.8;

/**
 * Column width, and how labels of the given widths are set: "flat", "mixed" (only those that do not fit are turned: letters with a few
 * long marks between them), "steep" (all turned), or "sparse" (turned, every n-th).
 */
export function layout({ available, widths }) {
  const steps = widths.length;
  const column = Math.max(available / Math.max(steps, 1), NARROWEST);
  const plot = column * steps;
  const fitting = widths.filter((width) => width <= column).length;
  if (column >= 64 || fitting === steps) return { column, plot, mode: "flat", every: 1 };
  if (column >= LINE && fitting >= MOSTLY * steps) return { column, plot, mode: "mixed", every: 1 };
  const every = Math.max(1, Math.ceil(LINE / column));
  return { column, plot, mode: every === 1 ? "steep" : "sparse", every };
}

const ruler = document.createElement("canvas").getContext("2d");

/** How wide labels are. */
export function widthsOf(labels, font) {
  ruler.font = font;
  return labels.map((label) => ruler.measureText(label).width + 1);
}

export class TokenAxis {
  constructor(words) {
    this.words = words;
    this.inputs = make("div", { class: "tokens inputs" });
    this.targets = make("div", { class: "tokens targets" });
    const { reads, predicts } = words.axis;
    this.corner = make("div", { class: "gutter corner" }, make("span", { text: reads }), make("span", { class: "quiet", text: predicts }));
    this.element = make("div", { class: "axis" }, this.corner, make("div", { class: "axisrows" }, this.inputs, this.targets));
  }

  /** Labels of an axis message, in a layout. */
  set(axis, shape) {
    this.shape = shape;
    this.element.dataset.mode = shape.mode;
    this.#row(this.inputs, axis.inputs, shape);
    this.#row(this.targets, axis.targets, shape);
    const turned = shape.mode === "flat" ? 0 : Math.min(LABEL_ROOM, Math.ceil(Math.max(...shape.widths)) + 4);
    const deepest = Math.max(LINE + 5, turned);
    this.element.style.setProperty("--label-room", `${deepest}px`);
    this.here = -1;
  }

  #row(row, labels, { column, every, mode, widths }) {
    const room = column * every;
    const turned = (t) => mode !== "flat" && (mode === "steep" || widths[t] > room);
    // What is not turned may be wider than its column, and stands over the middle of it.
    const left = (t) => (turned(t) ? t * column : Math.max(0, (t + 0.5) * column - room / 2));
    row.replaceChildren(
      ...labels.map((label, t) =>
        make(
          // A label without room is there all the same: the cursor shows it.
          "span",
          {
            class: `${t % every ? "off" : ""} ${turned(t) ? "turned" : ""}`, title: label,
            style: { left: `${left(t)}px`, width: `${room}px` },
          },
          make("bdi", { text: label }),
        ),
      ),
    );
  }

  /** Marks the token of the cursor's column. */
  point(t) {
    if (t === this.here) return;
    for (const row of [this.inputs, this.targets]) {
      row.children[this.here]?.classList.remove("here");
      row.children[t]?.classList.add("here");
    }
    this.here = t;
  }
}

/** Which rows of a matrix get a label, when each needs a line. */
export function rowLabels(labels, rowHeight) {
  const every = Math.max(1, Math.ceil(LINE / rowHeight));
  return labels.map((label, s) => [label, s]).filter(([, s]) => s % every === 0);
}
