// The run of this tab: it is kept when the page is left, and offered to the page that is loaded in its place.

import { keepRun, recallRun } from "./settings.js";

// `controlled()`: the run of what is mounted.  Between two pages of the app nothing is: then it is the run of what was.
let controlled = () => null;

// The address may have changed since the mount (settings live in it): what counts is the one that will be loaded again.
const leaves = () => keepRun(controlled());
window.addEventListener("pagehide", leaves);
document.addEventListener("visibilitychange", () => {
  if (document.hidden) leaves();
});

/** Something that is asked of Python.  A trigger would be gone with a script run that another one breaks off; this stays until it is done. */
export function wish(value = "") {
  return { id: `${Date.now()} ${Math.random()}`, value };
}

export class TabRun {
  /** `own()`: the id of the run that the page controls, null where it controls none. */
  constructor(own) {
    this.offered = new Set();
    this.own = controlled = own;
  }

  /** A reloaded page: Python made a new session with another run, but this tab still knows its own.  Said once; Python decides. */
  offer(run, ask) {
    const before = recallRun();
    if (before === run || this.offered.has(before) || (run && !before)) return;
    this.offered.add(before);
    ask(wish(before ?? ""));
  }

  end() {
    if (controlled !== this.own) return;
    const last = this.own();
    controlled = () => last;
  }
}
