// When to draw and when to read: pictures are drawn in the next animation frame, words wait for a readable moment.

const READ_EVERY = 100; // ms between updates of words and lines: numbers that change more often cannot be read, and a line hardly moves

export class Rhythm {
  /** `draw(started)`: paint what is new, false when there is nothing to paint on.  `read()`: write the words and draw the lines. */
  constructor(draw, read) {
    Object.assign(this, { draw, read, readAt: -READ_EVERY, readNow: false, scheduled: false });
  }

  /** Something has changed; `now`: its words do not wait. */
  schedule(now = false) {
    this.readNow ||= now;
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => this.#beat());
  }

  #beat() {
    this.scheduled = false;
    const started = performance.now();
    if (this.ended || this.draw(started) === false) return;
    // Words wait for a readable moment, but the last state always gets its own.
    const due = this.readAt + READ_EVERY - started;
    clearTimeout(this.reading);
    if (this.readNow || due <= 0) this.#read(started);
    else this.reading = setTimeout(() => this.#read(performance.now()), due);
  }

  #read(now) {
    this.readAt = now;
    this.readNow = false;
    this.read();
  }

  end() {
    this.ended = true;
    clearTimeout(this.reading);
  }
}
