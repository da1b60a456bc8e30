// The drawing library of the figures, loaded once by a page and only where one is wanted: it is larger than all else together.

import { make } from "./dom.js";

let loading = null;

/** Plotly, as soon as it is there.  Where it cannot be loaded, the next one who asks tries again. */
export function plotly() {
  loading ??= load().catch((reason) => {
    loading = null;
    throw reason;
  });
  return loading;
}

function load() {
  return new Promise((resolve, reject) => {
    const failed = () => reject(new Error("The drawing library could not be loaded."));
    const src = new URL("plotly.js", import.meta.url).href; // not a module: it puts itself beside the window's own names
    document.head.append(make("script", { src, on: { load: () => resolve(window.Plotly), error: failed } }));
  });
}
