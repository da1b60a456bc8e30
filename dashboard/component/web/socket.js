// The live stream's socket: opens, reopens with growing pauses, hands messages on.  States: "connecting", "open", "waiting" (for the next
// attempt), "closed" (on purpose).

const FIRST_PAUSE = 250;
const LONGEST_PAUSE = 8000;
const CONFIRM_EVERY = 4;
const FULL = 4429; // the server closes with this code when a run has too many viewers

/** The address of a run's stream below the page's base path. */
export function streamAddress(base, key, place = location) {
  return `${place.protocol === "https:" ? "wss" : "ws"}://${place.host}${base}/live/${encodeURIComponent(key)}`;
}

export class Stream {
  /** `on`: {open, text(message), frame(buffer), state(name, milliseconds until the next attempt)}. */
  constructor(address, on) {
    this.address = address;
    this.on = on;
    this.pause = FIRST_PAUSE;
    this.opened = 0;
    this.soon = () => this.state === "waiting" && this.#open();
    window.addEventListener("online", this.soon);
    this.#open();
  }

  #enter(state, pause = 0) {
    this.state = state;
    this.on.state(state, pause);
  }

  #open() {
    clearTimeout(this.timer);
    this.#enter("connecting");
    const socket = new WebSocket(this.address);
    this.socket = socket;
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.opened += 1;
      this.received = 0;
      this.#enter("open");
      this.on.open();
    };
    socket.onmessage = ({ data }) => {
      // The pause grows until something really arrives: a server that accepts and closes at once is not hammered.
      this.pause = FIRST_PAUSE;
      if (typeof data === "string") this.on.text(JSON.parse(data));
      else {
        // So the server knows what is still on its way: on a slow network the newest frame waits there, not behind a queue of old ones.
        this.received += 1;
        if (this.received % CONFIRM_EVERY === 0) this.send({ do: "received", frames: this.received });
        this.on.frame(data);
      }
    };
    socket.onclose = ({ code }) => {
      if (this.socket !== socket || this.state === "closed") return;
      if (code === FULL) this.pause = LONGEST_PAUSE;
      // Spread over a third, so that a class of forty does not come back in one instant.
      const pause = this.pause * (1 + Math.random() / 3);
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
      this.timer = setTimeout(() => this.#open(), pause);
      this.#enter("waiting", pause);
    };
  }

  /** Sends a command; false when there is nobody to hear it. */
  send(message) {
    if (this.socket.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  close() {
    if (this.state === "closed") return;
    clearTimeout(this.timer);
    window.removeEventListener("online", this.soon);
    this.#enter("closed");
    this.socket.close();
  }
}
