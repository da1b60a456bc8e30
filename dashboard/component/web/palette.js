// Colours of data, once for the whole component.  palette.json is the only place where they are chosen, and Python may read it too.
// Diverging: blue is negative, orange is positive, the middle is 0.  Sequential: from the paper's own colour to its opposite, with
// steadily changing lightness, so that it survives colour-blind eyes, projectors and grey print.

import { CODES } from "./frame.js";
import chosen from "./palette.json" with { type: "json" };

const toLinear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
const toScreen = (v) => (v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055);

/** "#rrggbb" -> [r, g, b] in 0..255. */
export function channels(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

function toOklab(hex) {
  const [r, g, b] = channels(hex).map((v) => toLinear(v / 255));
  const l = Math.cbrt(0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b);
  const m = Math.cbrt(0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b);
  const s = Math.cbrt(0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b);
  return [
    0.2104542553 * l + 0.793617785 * m - 0.0040720468 * s,
    1.9779984951 * l - 2.428592205 * m + 0.4505937099 * s,
    0.0259040371 * l + 0.7827717662 * m - 0.808675766 * s,
  ];
}

function fromOklab([L, a, b]) {
  const l = (L + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (L - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (L - 0.0894841775 * a - 1.291485548 * b) ** 3;
  return [
    4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
    -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
    -0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s,
  ].map((v) => Math.round(255 * Math.min(1, Math.max(0, toScreen(v)))));
}

const packed = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/** The colour at `at` in 0..1 of a list of anchors, blended where lightness is even (OKLab). */
export function blend(anchors, at) {
  const place = Math.min(Math.max(at, 0), 1) * (anchors.length - 1);
  const below = Math.min(Math.floor(place), anchors.length - 2);
  const [from, to] = [toOklab(anchors[below]), toOklab(anchors[below + 1])];
  return fromOklab(from.map((v, i) => v + (place - below) * (to[i] - v)));
}

const FINE = 512;

function ramp(anchors) {
  return Array.from({ length: FINE }, (_, i) => packed(blend(anchors, i / (FINE - 1))));
}

/** Tables from the 16-bit codes of a frame to packed colours. */
export class Palette {
  constructor(theme) {
    this.theme = theme;
    this.colours = chosen[theme];
    this.ramps = { diverging: ramp(this.colours.diverging), sequential: ramp(this.colours.sequential) };
    this.tables = new Map();
  }

  /** How a linear scale is coloured: one that crosses 0 diverges around it. */
  static kind(scale) {
    return scale.kind !== "log10" && scale.low < 0 ? "diverging" : "sequential";
  }

  /** The table for one array's scale: what is absent or cut stays clear. */
  table(scale) {
    const kind = Palette.kind(scale);
    // Only a diverging scale with unequal ends needs its own table; range changes of all others leave code -> colour as it was.
    const key = kind === "diverging" && scale.low !== -scale.high ? `diverging ${scale.low} ${scale.high}` : `${scale.kind} ${kind}`;
    let table = this.tables.get(key);
    if (table) return table;
    table = new Uint32Array(65536);
    const colours = this.ramps[kind];
    const { first, last } = CODES;
    const reach = Math.max(Math.abs(scale.low), Math.abs(scale.high)) || 1;
    for (let code = first; code <= last; code++) {
      let at = (code - first) / (last - first);
      if (kind === "diverging") at = 0.5 + (scale.low + at * (scale.high - scale.low)) / (2 * reach);
      table[code] = colours[Math.round(at * (FINE - 1))];
    }
    for (const kind of ["floor", "broken"]) table[CODES[kind]] = packed(channels(this.colours[kind]));
    if (this.tables.size > 16) this.tables.clear();
    this.tables.set(key, table);
    return table;
  }

  /** A CSS gradient from the low to the high end, for legends. */
  gradient(kind) {
    return `linear-gradient(to right in oklab, ${this.colours[kind].join(", ")})`;
  }
}

/** "light" or "dark", by the lightness of a CSS colour as the browser computed it. */
export function themeOf(background) {
  const [r, g, b] = (background.match(/[\d.]+/g) ?? [255, 255, 255]).map(Number);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b < 128 ? "dark" : "light";
}
