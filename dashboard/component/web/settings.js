// What this browser remembers: which panels are shown and how.  And what this tab remembers: the run that it controls.

const VIEW = "bptt.view.3";
const RUN = "bptt.run";

export const DEFAULTS = {
  shown: ["forecast", "h", "dh", "lag", "attention", "loss", "norm", "cursor", "next"],
  gate: null, part: "total", weight: null, view: "projection", path: "total", fps: 30, range: "following",
  logarithmic: { loss: false, norm: true },
};

// A browser may refuse storage (private windows, settings): the page then works without a memory.
function read(storage, key) {
  try {
    return JSON.parse(window[storage].getItem(key)) ?? {};
  } catch {
    return {};
  }
}

function keep(storage, key, value) {
  try {
    window[storage].setItem(key, JSON.stringify(value));
  } catch {
    // Nothing is lost but the memory.
  }
}

export function recallView() {
  const kept = read("localStorage", VIEW);
  const view = { ...structuredClone(DEFAULTS), ...kept };
  if (!Array.isArray(view.shown)) view.shown = DEFAULTS.shown;
  if (![15, 30, 60].includes(view.fps)) view.fps = DEFAULTS.fps;
  if (!["following", "fixed"].includes(view.range)) view.range = DEFAULTS.range;
  return view;
}

export function keepView(view) {
  keep("localStorage", VIEW, view);
}

/** The run of this tab, if the address is still the one it was kept with: a copied or edited address means another run. */
export function recallRun() {
  const kept = read("sessionStorage", RUN);
  return kept.run && kept.path === location.pathname && kept.search === location.search ? kept.run : null;
}

export function keepRun(run) {
  if (run) keep("sessionStorage", RUN, { run, path: location.pathname, search: location.search });
}

// The address may be written anew between the beginning of a reload and its end: it is the same page all the same.
if (performance.getEntriesByType("navigation")[0]?.type === "reload") {
  const kept = read("sessionStorage", RUN);
  if (kept.path === location.pathname) keepRun(kept.run);
}
