// The run of this tab: it is kept when the page is left, and offered to the page that is loaded in its place.

import { keepRun, recallRun } from "./settings.js";

/** Something that is asked of Python.  A trigger would be gone with a script run that another one breaks off; this stays until it is done. */
export function wish(value = "") {
  return { id: `${Date.now()} ${Math.random()}`, value };
}

export class TabRun {
  /** `controlled()`: the id of the run that the page controls, null where it controls none. */
  constructor(controlled) {
    this.offered = new Set();
    // The address may have changed since the mount (settings live in it): what counts is the one that will be loaded again.
    this.leaves = () => keepRun(controlled());
    this.hides = () => {
      if (document.hidden) this.leaves();
    };
    document.addEventListener("visibilitychange", this.hides);
    window.addEventListener("pagehide", this.leaves);
  }

  /** A reloaded page: Python made a new session with another run, but this tab still knows its own.  Said once; Python decides. */
  offer(run, ask) {
    const before = recallRun();
    if (before === run || this.offered.has(before) || (run && !before)) return;
    this.offered.add(before);
    ask(wish(before ?? ""));
  }

  end() {
    document.removeEventListener("visibilitychange", this.hides);
    window.removeEventListener("pagehide", this.leaves);
  }
}
