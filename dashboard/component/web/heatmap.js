// A heat map is one pixel a cell, stretched by the browser without smoothing: crisp on any screen, and drawn in microseconds.

import { CODES } from "./frame.js";

export class Heatmap {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  /**
   * Draws codes of shape [rows, columns] through a palette's table.  Returns a number that changes when the cut cells do; `broken` says
   * whether there are cells that are not finite.
   */
  draw(codes, [rows, columns], table) {
    if (!this.image || this.image.width !== columns || this.image.height !== rows) {
      this.canvas.width = columns;
      this.canvas.height = rows;
      this.image = this.context.createImageData(columns, rows);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    const { pixels } = this;
    let cut = rows * 513 + columns;
    let broken = false;
    for (let at = 0; at < codes.length; at++) {
      const code = codes[at];
      pixels[at] = table[code];
      if (code === CODES.cut) cut = (Math.imul(cut, 31) + at) | 0;
      else if (code === CODES.broken) broken = true;
    }
    this.broken = broken;
    this.context.putImageData(this.image, 0, 0);
    return cut;
  }

  clear() {
    this.context.clearRect(0, 0, this.canvas.width, this.canvas.height);
  }
}

/** A canvas of the given size in CSS pixels, sharp at the screen's pixel ratio; drawing coordinates stay CSS pixels. */
export function sharp(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
  if (canvas.width !== w || canvas.height !== h) {
    canvas.width = w;
    canvas.height = h;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.globalAlpha = 1;
  context.clearRect(0, 0, width, height);
  return context;
}

/** Thin lines of the paper's colour between cells that are wide enough to be told apart by eye. */
export function separate(context, { width, height, columns, rows, colour }) {
  context.fillStyle = colour;
  if (columns && width / columns >= 12) for (let t = 1; t < columns; t++) context.fillRect((t * width) / columns - 0.5, 0, 1, height);
  if (rows && height / rows >= 10) for (let s = 1; s < rows; s++) context.fillRect(0, (s * height) / rows - 0.5, width, 1);
}
