// Tells Python what is on screen, after a rest and never at frame rate: the whole view when training rests, one word when it goes on.

const AFTER = 300; // ms of rest
const RESTING = ["ready", "paused", "stopped"];

export class Teller {
  /** `view()`: what there is to tell, with `state` and `iteration`; `send(view)` tells it. */
  constructor(view, send) {
    this.view = view;
    this.send = send;
    this.begin();
  }

  /** A new run: its first view, untrained, is what a page expects unasked. */
  begin() {
    clearTimeout(this.timer);
    this.told = { ...this.view(), state: "ready", iteration: 0 };
  }

  soon() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.#tell(), AFTER);
  }

  #tell() {
    let view = this.view();
    if (view.state === "training") view = { ...this.told, state: "training" };
    else if (!RESTING.includes(view.state)) return;
    if (JSON.stringify(view) === JSON.stringify(this.told)) return;
    this.told = view;
    this.send(view);
  }

  end() {
    clearTimeout(this.timer);
  }
}
