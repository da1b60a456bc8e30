// A figure of Plotly's.  It stays through all reruns of the page: another figure changes what is drawn, in place.

import { adopt, make } from "./dom.js";
import { plotly } from "./library.js";
import { mounted } from "./mounting.js";
import style from "./plot.css" with { type: "css" };
import { Steps } from "./steps.js";
import { wish } from "./tabrun.js";
import { inWords } from "./words.js";

const NEAR = "200px"; // of the screen: figures there are drawn at once, so that the first ones do not wait for the last
const REST = 1500; // ms after which the others are drawn, too: nobody who scrolls should wait for them

// A finger zooms without buttons, and a double tap ends it; beside a narrow chart's names there is no room for more than two.
const UNUSED = ["toImage", "select2d", "lasso2d", "autoScale2d"];
if (matchMedia("(hover: none)").matches) UNUSED.push("zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d");

const FULL = { width: 16, height: 16, path: "M2 2h5v1.6H3.6V7H2zM9 2h5v5h-1.6V3.6H9zM2 9h1.6v3.4H7V14H2zM12.4 9H14v5H9v-1.6h3.4z" };

// One figure after the other, so that the page shows each before the next is begun.
let turn = Promise.resolve();

function inTurn(draw) {
  turn = turn.then(() => new Promise((go) => setTimeout(go))).then(draw).catch(reportError);
}

const drawings = new EventTarget();

/** Resolves when the next figure that has not been drawn before stands. */
export function nextDrawn() {
  return new Promise((stands) => drawings.addEventListener("drawn", stands, { once: true }));
}

export default mounted((root, data) => new Plot(root, inWords(data.words).figure));

class Plot {
  constructor(root, words) {
    this.words = words;
    this.element = make("div", { class: "plot", role: "figure" });
    this.place = make("div", { class: "plotted" }, this.element);
    adopt(root, style);
    root.append(this.place);
    this.near = new IntersectionObserver((seen) => seen.some(({ isIntersecting }) => isIntersecting) && this.#begin(), { rootMargin: NEAR });
    this.near.observe(this.element);
    this.resting = setTimeout(() => this.element.offsetWidth && this.#begin(), REST);
    this.resized = new ResizeObserver(() => this.#fit());
  }

  /**
   * data: figure (Plotly's JSON), height (px), alt, file (of a saved picture: format, filename), picks (whether a click on a point is told),
   * steps (of a trace to go through, or null).
   */
  accept({ data, setStateValue }) {
    const before = this.data;
    Object.assign(this, { data, setStateValue });
    this.element.setAttribute("aria-label", data.alt);
    this.element.style.height = `${data.height}px`;
    if (data.steps) this.#steps(data.steps);
    if (this.begun && data.figure !== before.figure) inTurn(() => this.#draw());
  }

  #steps(steps) {
    if (!this.steps) {
      this.steps = new Steps(this.element, steps.label);
      this.place.append(this.steps.slider);
    }
    this.steps.set(steps);
  }

  #begin() {
    this.near.disconnect();
    clearTimeout(this.resting);
    this.begun = true;
    inTurn(() => this.#draw());
  }

  async #draw() {
    const { element, words } = this;
    try {
      await plotly();
    } catch {
      element.replaceChildren(make("p", { class: "missing", role: "alert", text: words.missing }));
      return;
    }
    if (this.disposed) return;
    const { data } = this; // another figure may have come meanwhile
    if (!this.drawn) element.replaceChildren(); // an earlier one may have been missing
    const config = {
      displaylogo: false,
      showSendToCloud: false, // nothing that is typed here leaves for another host
      modeBarButtonsToRemove: UNUSED,
      modeBarButtonsToAdd: [
        { name: "save", title: words.save, icon: window.Plotly.Icons.camera, click: () => this.#save() },
        ...(document.fullscreenEnabled ? [{ name: "full", title: words.full, icon: FULL, click: () => this.#full() }] : []),
      ],
    };
    const { data: traces, layout } = JSON.parse(data.figure);
    this.steps?.write(traces, layout);
    await window.Plotly.react(element, traces, layout, config);
    this.steps?.drawn();
    if (this.drawn || this.disposed) return;
    this.drawn = true;
    element.classList.add("drawn");
    element.on("plotly_click", ({ points: [{ x, y }] }) => this.data.picks && this.setStateValue("picked", wish([x, y])));
    Object.assign(this, { width: element.offsetWidth, height: element.offsetHeight });
    this.resized.observe(element);
    drawings.dispatchEvent(new Event("drawn"));
  }

  #fit() {
    const { offsetWidth: width, offsetHeight: height } = this.element;
    if (!width || (width === this.width && height === this.height)) return;
    Object.assign(this, { width, height });
    window.Plotly.Plots.resize(this.element);
  }

  /** As a picture, in which the page's own font does not exist: words that are measured in another would run into each other. */
  #save() {
    const { data, layout, offsetWidth: width, offsetHeight: height } = this.element;
    const copy = structuredClone({ data, layout }); // Plotly writes into what it draws
    copy.layout.font = { ...layout.font, family: "sans-serif" };
    window.Plotly.downloadImage(copy, { ...this.data.file, scale: 2, width, height }).catch(reportError);
  }

  #full() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.place.requestFullscreen();
  }

  dispose() {
    this.disposed = true;
    this.near.disconnect();
    this.resized.disconnect();
    clearTimeout(this.resting);
    this.steps?.dispose();
    if (this.drawn) window.Plotly.purge(this.element);
    this.place.remove();
  }
}
