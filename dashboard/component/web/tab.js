// A page of the laboratory has no history of settings: its query is replaced, so that Back leads to the page before at once.  And it has
// no explorer: what keeps the run of the tab through a reload stands here, too.

import { plotly } from "./library.js";
import { mounted } from "./mounting.js";
import { nextDrawn } from "./plot.js";
import { TabRun, wish } from "./tabrun.js";
import { arrival } from "./visits.js";

export default mounted((root) => new Tab(root));

class Tab {
  constructor(root) {
    this.place = root.host ?? root;
    this.run = null;
    this.waits = false;
    this.kept = new TabRun(() => this.run);
    plotly().catch(() => {}); // while what its figures show is computed
  }

  /**
   * data: base, path, query, run, watching, awaits (whether the page is to be told of its first figure).
   * Waits until the address bar has the path, which Streamlit writes some time after it shows the page.
   */
  accept({ data, setStateValue }) {
    const path = data.base + data.path;
    const address = data.query ? `${path}?${data.query}` : path;
    if (!data.watching) this.kept.offer(data.run, (offered) => setStateValue("reattach", offered));
    this.run = data.run;
    this.#await(path, data.awaits, () => setStateValue("drawn", wish(data.path)));
    this.arriving?.();
    this.arriving = arrival(path, () => {
      if (location.pathname + location.search !== address) history.replaceState(history.state, "", address);
    });
  }

  /** Tells once of the first figure of a page that waits for it. */
  #await(path, awaits, tell) {
    if (awaits && this.awaited !== path) {
      this.waits = true;
      nextDrawn().then(() => this.waits && this.awaited === path && this.#toldOf(tell));
    } else this.waits &&= awaits;
    this.awaited = path;
    this.place.dataset.awaits = this.waits; // for those who want to know whether the page is whole
  }

  #toldOf(tell) {
    this.place.dataset.awaits = this.waits = false;
    tell();
  }

  dispose() {
    this.waits = false;
    this.arriving?.();
    this.kept.end();
  }
}
