// What tests and benchmarks may read of an explorer: `element.bptt`, and nothing else.

const REMEMBERED = 600; // the last latencies and drawing times

export class Measures {
  constructor() {
    this.painted = 0;
    this.latencies = [];
    this.drawTimes = [];
  }

  /** A new frame was painted, from `started` (performance.now()) until now. */
  add(frame, started) {
    const now = performance.now();
    this.painted += 1;
    remember(this.latencies, performance.timeOrigin + now - 1000 * frame.header.captured);
    remember(this.drawTimes, now - started);
  }
}

function remember(list, value) {
  list.push(value);
  if (list.length > REMEMBERED) list.shift();
}

/**
 * iteration, loss, state: of the run.  socket, opened: the stream's state, and how often it was opened.  control: whether this page owns
 * the run.  painted: distinct frames painted.  latencies: ms from capture in the trainer to paint.  drawTimes: ms of drawing.  steps,
 * arrays: of the frame on screen.  points: bins of the history.  cursor: {s, t, pinned}, from 1.
 */
export function expose(element, explorer) {
  Object.defineProperty(element, "bptt", {
    value: Object.freeze({
      get iteration() { return explorer.iteration; },
      get loss() { return explorer.frame?.header.loss ?? null; },
      get state() { return explorer.status.run.state; },
      get socket() { return explorer.stream?.state ?? "none"; },
      get opened() { return explorer.stream?.opened ?? 0; },
      get control() { return explorer.control; },
      get painted() { return explorer.measures.painted; },
      get latencies() { return [...explorer.measures.latencies]; },
      get drawTimes() { return [...explorer.measures.drawTimes]; },
      get steps() { return explorer.axis?.inputs.length ?? 0; },
      get arrays() { return Object.keys(explorer.frame?.maps ?? {}); },
      get points() { return explorer.tape.bins; },
      get cursor() { return { s: explorer.cursor.s + 1, t: explorer.cursor.t + 1, pinned: explorer.cursor.pinned }; },
    }),
  });
}
