// Numbers as they stand on the page: three significant digits, trailing zeros kept so that nothing jumps.

const MINUS = "\u2212";

/** 0.830, 12.4, 3.10e−5; `digits` may be fewer when less is known. */
export function short(value, digits = 3) {
  if (value === null || value === undefined || Number.isNaN(value)) return "\u2013";
  if (!Number.isFinite(value)) return value > 0 ? "\u221e" : `${MINUS}\u221e`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  let text;
  if (size < 1e-3 || size >= 1e5) {
    text = value.toExponential(digits - 1).replace("e+", "e");
  } else {
    text = value.toPrecision(digits);
    if (text.includes("e")) text = String(Number(text));
  }
  return text.replaceAll("-", MINUS);
}

/** An end of a scale, which stands on round numbers: 1, 0.1, −0.02, 1e−6. */
export function round(value) {
  const [size, rounded] = [Math.abs(value), Number(value.toPrecision(3))];
  const text = size !== 0 && (size < 1e-3 || size >= 1e5) ? rounded.toExponential() : String(rounded);
  return text.replace("e+", "e").replaceAll("-", MINUS);
}

/** A count with groups of three: 12,345. */
export function count(value) {
  return Number.isFinite(value) ? Math.round(value).toLocaleString("en") : "\u2013";
}

/** A relative error, one digit: 3e−16. */
export function error(value) {
  if (value === 0) return "0";
  return Number.isFinite(value) ? value.toExponential(0).replaceAll("-", MINUS) : "\u221e";
}

/**
 * A value known to +-`uncertainty`, with no more digits than that allows.  Frames carry 16-bit values: what lies under one step of
 * the scale is said to be under it, not made up.
 */
export function known(value, uncertainty) {
  if (!(uncertainty > 0)) return short(value);
  const steps = Math.abs(value) / uncertainty;
  if (steps < 1) return `< ${short(uncertainty, 1)}`;
  return short(value, steps >= 200 ? 3 : steps >= 20 ? 2 : 1);
}

/** The smallest of 1, 1.5, 2, 3, 4, 5, 6, 8, 10 times a power of ten that is not below `value`: ranges that move seldom. */
export function roundUp(value) {
  if (!(value > 0) || !Number.isFinite(value)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const factor of [1, 1.5, 2, 3, 4, 5, 6, 8]) if (value <= factor * power * (1 + 1e-9)) return factor * power;
  return 10 * power;
}

/** Fills {name} places of a sentence. */
export function fill(sentence, values) {
  return sentence.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? String(values[name]) : whole));
}
