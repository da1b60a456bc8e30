// Whether the page shows the settings that the run has: another page that controls the run may have changed them.

const AFTER = 1000; // ms in which the page that made a change has surely drawn it

export class Agreement {
  /** `differ()`: the run has gone on with other settings than the page shows. */
  constructor(differ) {
    this.differ = differ;
  }

  /** The settings that the page shows. */
  page(experiment) {
    this.shown = experiment && signature(experiment);
    this.#look();
  }

  /** The settings that the run has. */
  run(experiment) {
    this.had = experiment && signature(experiment);
    this.#look();
  }

  #look() {
    clearTimeout(this.timer);
    if (!this.shown || !this.had || this.shown === this.had) return;
    this.timer = setTimeout(() => this.differ(), AFTER);
  }

  end() {
    clearTimeout(this.timer);
  }
}

function signature(experiment) {
  return JSON.stringify(Object.entries(experiment).sort(([a], [b]) => (a < b ? -1 : 1)));
}
