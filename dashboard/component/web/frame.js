// A binary frame of the live stream, decoded without copying: 24 bytes of prefix, a JSON header, the maps, the tail (little endian).

const MAGIC = 0x54545042; // "BPTT"
export const VERSION = 2;
export const TAIL_FIELDS = 6; // iteration, loss, norm_before, norm_after, factor, share_clipped

const VIEWS = { u2: Uint16Array, f4: Float32Array, f8: Float64Array };
const letters = new TextDecoder();

/**
 * {replayed, header, maps, tail}: `maps` is array name -> {...its entry in the header, codes}, `tail` holds rows of TAIL_FIELDS numbers.
 * Throws RangeError or SyntaxError with one sentence for bytes that are no frame.
 */
export function decode(buffer) {
  if (buffer.byteLength < 24) throw new RangeError(`A frame has at least 24 bytes, not ${buffer.byteLength}.`);
  const view = new DataView(buffer);
  if (view.getUint32(0, true) !== MAGIC) throw new RangeError("These bytes do not start with BPTT.");
  const version = view.getUint16(4, true);
  if (version !== VERSION) throw new RangeError(`This page reads frames of version ${VERSION}, not ${version}: reload it.`);
  const flags = view.getUint16(6, true);
  const [headerBytes, mapBytes, rows] = [8, 12, 16].map((at) => view.getUint32(at, true));
  const mapsAt = 24 + headerBytes;
  const tailAt = mapsAt + mapBytes;
  const end = tailAt + rows * TAIL_FIELDS * 8;
  if (buffer.byteLength < end) throw new RangeError(`The frame needs ${end} bytes, but has ${buffer.byteLength}.`);
  const header = JSON.parse(letters.decode(new Uint8Array(buffer, 24, headerBytes)));
  const maps = {};
  for (const entry of header.arrays ?? []) {
    const length = entry.shape.reduce((a, b) => a * b, 1);
    maps[entry.name] = { ...entry, codes: typed(buffer, VIEWS[entry.dtype], mapsAt + entry.offset, length) };
  }
  return { replayed: (flags & 1) === 1, header, maps, tail: typed(buffer, Float64Array, tailAt, rows * TAIL_FIELDS) };
}

function typed(buffer, Kind, at, length) {
  if (!Kind) throw new RangeError("The frame has an array of an unknown kind.");
  if (at % Kind.BYTES_PER_ELEMENT === 0) return new Kind(buffer, at, length);
  return new Kind(buffer.slice(at, at + length * Kind.BYTES_PER_ELEMENT));
}

/** The 16-bit codes of a map: what is no value on its scale, then the scale from its low to its high end. */
export const CODES = { absent: 0, cut: 1, floor: 2, broken: 3, first: 4, last: 65535 };
const SPAN = CODES.last - CODES.first;

/** The number that a code stands for; null where there is none, or "cut", "floor" (below it), "broken" (not finite). */
export function valueOf(code, scale) {
  if (code < CODES.first) return [null, "cut", "floor", "broken"][code];
  const value = scale.low + ((code - CODES.first) / SPAN) * (scale.high - scale.low);
  // The ends of a logarithmic scale are powers of ten.
  return scale.kind === "log10" ? 10 ** value : value;
}

/** Half of one code's width on a linear scale: how far a decoded value may be from the true one. */
export function uncertainty(scale) {
  return (scale.high - scale.low) / SPAN / 2;
}

/** The norm over units of column `t` of a (units, steps) map, with its uncertainty; null when absent or not finite. */
export function columnNorm(map, t) {
  const [units, steps] = map.shape;
  let sum = 0;
  for (let unit = 0; unit < units; unit++) {
    const code = map.codes[unit * steps + t];
    if (code < CODES.first) return null;
    sum += valueOf(code, map.scale) ** 2;
  }
  return { value: Math.sqrt(sum), uncertainty: uncertainty(map.scale) * Math.sqrt(units) };
}
