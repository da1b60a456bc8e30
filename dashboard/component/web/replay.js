// Looking back: what was watched is recorded by the server, picture by picture, and can be scrubbed while training rests.

import { make, write } from "./dom.js";
import { fill } from "./numbers.js";

const SETTLED = 300; // ms after which a move of the slider has been answered

export class Replay {
  /** `seek(n)`: show the picture n pictures back; 0 is the latest. */
  constructor(words, seek) {
    this.words = words.replay;
    this.slider = make("input", {
      type: "range", min: "0", max: "0", step: "1", "aria-label": this.words.label,
      on: {
        input: () => {
          this.#say();
          this.sought = performance.now();
          seek(Number(this.slider.max) - Number(this.slider.value));
        },
      },
    });
    this.value = make("output", { class: "quiet" });
    this.element = make("label", { class: "replay" }, make("span", { text: this.words.label }), this.slider, this.value);
    this.sought = 0;
    this.count = 0;
    this.resting = false;
    this.#show();
  }

  /** How many pictures there are. */
  set({ count }) {
    const back = Number(this.slider.max) - Number(this.slider.value);
    this.count = count;
    this.slider.max = String(Math.max(count - 1, 0));
    this.slider.value = String(Number(this.slider.max) - back);
    this.#show();
  }

  /** Whether training rests; while it runs, the latest picture is shown. */
  rest(resting) {
    if (!resting) this.slider.value = this.slider.max;
    this.resting = resting;
    this.#show();
  }

  /** A picture of now has come: the run was stepped or changed, here or elsewhere, and the look back is over. */
  live() {
    // One that was on its way when the slider was moved says nothing.
    if (this.slider.value === this.slider.max || performance.now() - this.sought < SETTLED) return;
    this.slider.value = this.slider.max;
    this.#say();
  }

  #show() {
    // Hidden without giving up its room: nothing moves when training starts.
    this.element.style.visibility = this.resting && this.count > 1 ? "" : "hidden";
    this.#say();
  }

  #say() {
    const back = Number(this.slider.max) - Number(this.slider.value);
    const text = back ? fill(this.words.value, { n: back }) : this.words.now;
    write(this.value, text);
    this.slider.setAttribute("aria-valuetext", text);
  }
}
