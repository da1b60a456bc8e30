// Every word that the component shows.  Python may hand over the same tree, or part of it, in another language.

const ENGLISH = {
  transport: {
    label: "Training",
    play: "Play", pause: "Pause", step: "One iteration", restart: "Restart",
    playTip: "Play or pause (space)", stepTip: "One iteration: one update of the weights (right arrow)", restartTip: "Back to iteration 0, same seed (R)",
    speed: "Speed", perSecond: "{n}/s", unlimited: "unlimited", speedTip: "Iterations a second",
    iteration: "iteration", watches: "watching", watching: "You are watching; whoever started the run controls it.",
  },
  status: {
    none: "No run yet", starting: "starting", connecting: "starting", waiting: "connection lost \u00b7 trying again in {seconds} s", retrying: "connection lost \u00b7 trying again",
    ready: "ready", training: "training", paused: "paused", stopped: "stopped", restarting: "restarting", gone: "this run has ended",
    replay: "looking back",
    line: "{state} \u00b7 iteration {iteration} \u00b7 loss {loss} \u00b7 gradient {norm}",
    ahead: "{state} \u00b7 iteration {iteration} \u00b7 next one: loss {loss} \u00b7 gradient {norm}", first: "{state} \u00b7 press play", bare: "{state} \u00b7 iteration {iteration}",
    normClipped: "{before} \u2192 clipped to {after}", valueClipped: "{before} \u2192 clipped to {after} ({share} % of entries)", perSecond: "{n}/s",
  },
  replay: { label: "Look back", value: "{n} pictures back", now: "now" },
  proof: {
    balance: "the books balance", broken: "the books do not balance", unknown: "the books", title: "Proof",
    text: "Sums of parts must equal the whole. For the picture on screen, the largest relative errors are:",
    limit: "Green while all are below {limit}: rounding, nothing else.",
    more: "Check slopes and autograd, too", moreTip: "On a copy of the network as it is now; the run goes on",
  },
  sentences: { label: "Sentence", choose: "Sentence on screen", window: "Window on screen", sequence: "Sequence on screen", layer: "Layer", layerOf: "layer {n} of {all}", outside: "not in this update\u2019s batch" },
  axis: { reads: "reads", predicts: "predicts", unit: "unit", loss: "loss of" },
  cursor: {
    label: "Pictures over the steps. Arrow keys move the cursor, Enter pins it, Escape lets go.",
    here: "step {t} of {steps}: reads", predicts: "predicts", pinned: "pinned \u00b7 Escape lets go", free: "click to pin",
  },
  panel: {
    ask: "More about {title}", waiting: "waiting for the first picture", unitHere: "unit {unit}: {value}", broken: "not finite",
    menu: "Panels", menuTip: "Show and hide panels", range: "Colour range", following: "follows", fixed: "fixed", smooth: "Pictures a second",
  },
  panels: {
    forecast: {
      title: "Forecast", line: "",
      more: "The network learns from windows of the training part only. From each origin after it, it reads the true values before that origin and predicts the next ones; so do the baselines, with the same horizon. (Where it is set to read true values on its way, the network looks one step ahead only.) Test values are for judging at the very end: choose settings by validation.",
    },
    h: {
      title: "Hidden state", line: "What the network remembers: one row for each unit, one column for each step.",
      more: "Column t is the state h_t after step t has read. Blue is negative, orange is positive, the middle of the scale is 0. Units have no order; look for columns that change and rows that stay.",
    },
    gate: {
      title: "Gates", line: "How far a gate is open, for each unit at each step.",
      more: "Gates are numbers between 0 (closed) and 1 (open) that a cell computes for itself: i lets in, f keeps, o shows; r resets, z keeps. g and n are the candidates, between \u22121 and 1.",
      none: "A plain RNN has no gates.", choose: "Gate",
    },
    dh: {
      title: "Gradient dL/dh", line: "How the loss would change if a state moved: what arrives at each step on the way back.",
      more: "total is what backpropagation through time hands to step t, as truncated. direct comes through the output of step t itself; recurrent comes from the losses of later steps, back through the recurrence; attention, where there is one, from later outputs that read this state themselves. direct + attention + recurrent = total. untruncated is what full BPTT would hand over: the difference is what truncation cut.",
      parts: { total: "total", direct: "direct", attention: "attention", recurrent: "recurrent", untruncated: "untruncated" }, choose: "Part",
    },
    share: {
      title: "Shares of a gradient", line: "How much each step adds to the gradient of one weight.",
      more: "A projection is the part of a step\u2019s share that points along the whole gradient: projections add up to its norm. A negative bar pulls the other way. Plain norms say how large each share is by itself, and do not add up.",
      views: { projection: "projection", norm: "norm" }, choose: "Weight", view: "View",
    },
    lag: {
      title: "Lag matrix", line: "Row: whose loss. Column: which state. Colour: how strongly that loss reaches back to that state.",
      more: "Cell (s, t) is |dL_s/dh_t|, the length of the error that the loss of step s sends to the state of step t; lag = s \u2212 t. Follow a row to the left to see it vanish or explode. No path leads forward, so the upper triangle is empty. Truncation cuts cells away: they are hatched, however large they are. With attention, an error has two ways back: along attention, when the output of step s read the state of step t itself, and through the recurrence; as vectors, the two add up.",
      paths: { total: "all ways", attention: "along attention", recurrence: "through the recurrence" }, choose: "Ways of the error",
    },
    attention: {
      title: "Attention", line: "Row: whose output. Column: which state. Colour: with what weight that output reads that state.",
      more: "The weights of each row add up to 1. An output may read the states of its own step and of earlier ones, never of later ones. Where a weight is large, the error of that output has a direct way back to that state, however far it is: compare the lag matrix.",
      choose: "Head", every: "mean of all heads", one: "head {n}",
    },
    loss: {
      title: "Loss", line: "Cross-entropy for each predicted token.", squared: "Mean squared error of the scaled values.",
      squaredAnswer: "Mean squared error of the answers.", more: "The mean over all real target tokens of the batch. Guessing evenly among V tokens costs ln V.", moreSquared: "The mean over all steps of the batch that have an answer. With standard scaling, always guessing the mean of the training part costs about 1.",
      moreKnown: "The mean over all steps of the batch that have an answer. The dashed line is what can be had without what the task asks for ({guess}); a dotted one is the best that can be had, where part of the answer is chance.",
      moreExamined: "Examinations read sequences from a stream of their own, which training never reads.",
    },
    norm: {
      title: "Gradient norm", line: "Length of the whole gradient, before clipping.",
      more: "The dashed line is the clip threshold; the strip at the foot marks the iterations that were clipped.",
    },
    cursor: { title: "At the cursor", line: "The numbers where the cursor stands.", more: "|dL_s/dh_t|: the loss of the chosen row, seen by the state of the chosen column. Numbers come from the picture on screen; pause to inspect them all." },
    next: { title: "Next token", line: "What the network expects after this step.", more: "The five most probable tokens. The true one is marked; when it is not among the five, it stands below them.", answer: "Answer", answerLine: "What the network answers after this step." },
  },
  lag: {
    cut: "cut by the truncation", floor: "below {floor}", absent: "no path", nothing: "no value", early: "not computed: only the last {steps} steps are", absentOrEarly: "no path, or not among the last {steps} steps", legendCut: "cut", boundary: "truncation boundary", here: "|dL\u209b/dh\u209c| {value}",
  },
  forecast: {
    line: "{name}: what the network says of the parts that it was not trained on, sharpening while it learns.", source: "Source: {source} Licence: {licence}",
    zoom: "Time shown", zooms: { whole: "whole series", end: "forecast" }, column: "Column", keys: "Lines", network: "Network", networkForced: "Network, one step ahead",
    truth: "True values", truthTip: "The series itself", ahead: "{steps} steps after {time}, the last that was known", aheadForced: "the baselines: {steps} steps after {time}, the last that they knew; the network knows the one before", oneAhead: "one step after {time}, the last that was known",
    toggle: "Show or hide {name}", parts: { training: "training", validation: "validation", test: "test" },
    here: "{time}: {value}", within: "{label} {value} ({low} to {high})", describe: "{name}: {points} points, the last {forecast} of them forecast.",
    scores: "Scores", scored: { validation: "on validation", test: "on test" }, method: "method",
    columns: {
      mse: ["MSE", "Mean squared error, in squared units"], mae: ["MAE", "Mean absolute error, in the series\u2019 own units"],
      mase: ["MASE", "Error against repeating the last season on the training part; below 1 is better"],
      smape: ["sMAPE %", "Mean error in percent of the mean of truth and forecast, 0 to 200"],
    },
    several: {
      note: "MAE is in standard deviations of each column\u2019s training part, MSE in their squares; every score is the mean over the {columns} columns.",
      mse: "Mean squared error, each column in squared standard deviations of its training part, averaged over the columns",
      mae: "Mean absolute error, each column in standard deviations of its training part, averaged over the columns",
    },
    coverage: "Share of the true values {part} inside the {level} intervals: {each}.",
    verdict: {
      apart: "The network reads the true value before each time and looks one step ahead; the baselines look as far as the horizon: they cannot be ranked together.",
      alone: "Fit the baselines below to see whether the network is worth its trouble.",
      ahead: "By MASE, the network is ahead {part}; {second} comes next.",
      behind: "By MASE, {first} is ahead {part}: {best}, the network {network}.",
    },
  },
  attention: { here: "weight {value}" },
  shares: {
    sum: "the bars add up to {sum} = norm of the gradient {total}",
    sumLater: "bars {sum} + steps after this sentence {later} = norm of the gradient {total}", norms: "norm of the gradient {total}", here: "{value}",
  },
  plot: {
    linear: "linear", logarithmic: "log", toggle: "Linear or logarithmic scale", here: "iteration {iteration}: {value}",
    clipped: "clips above {threshold} \u00b7 {share} % of iterations clipped", notClipped: "no clipping",
    cut: "cuts entries beyond {threshold} \u00b7 {share} % of iterations clipped", nowOff: "clipping is off now \u00b7 {share} % of iterations were clipped",
    describe: "{title}: {value} at iteration {iteration}",
    chance: "chance {value}", best: "best {value}", exam: "{score} {value} on {sequences} new sequences (chance {chance}), at iteration {iteration}",
  },
  figure: { missing: "The code that draws this chart could not be loaded. Reload the page to try again.", save: "Save as a picture", full: "Full screen" },
  readout: {
    row: "loss of step s", column: "state of step t", lag: "|dL\u209b/dh\u209c|", loss: "L\u209c, its share of the loss", h: "|h\u209c|", dh: "|dL/dh\u209c| {part}",
    said: "predicted for {time}{column}", true: "true value", unanswered: "no answer at this step", answer: "answer of the network",
    truth: "the true one",
  },
  drawing: {
    title: "Draw it", clear: "Clear", clearTip: "Empty the field; the run goes on", invitation: "Draw a curve here, from left to right",
    label: "Drawing field. Left and right move the pen and draw on, up and down raise and lower the point (with Shift by ten), Enter takes the curve.",
    here: "point {n} of {all}: {value}", empty: "empty", taken: "{n} points, learned from the start. Draw over a part to change it.",
    short: "{n} points so far; draw on, a series takes at least {fewest}.", cleared: "Empty. The run goes on with what it has until you draw again.",
  },
  gone: { title: "This run has ended", text: "It was left alone for too long, or the server started again.", action: "Start a new run" },
  // What stands instead where the network is a transformer block, without recurrence.
  block: {
    h: {
      title: "Block input", line: "What enters the block at each step: one row for each unit, one column for each step.",
      more: "Column t is what step t hands to attention: what it has read and where it stands, before anything of another step is mixed in. A transformer carries no state from step to step: what it knows of earlier steps comes from attention alone. In the other panels this input is called h_t, the state of step t. Blue is negative, orange is positive, the middle of the scale is 0.",
    },
    gate: { none: "A transformer block has no gates." },
    dh: {
      more: "total is what arrives at the block\u2019s input of step t, as truncated. direct comes through the output of step t itself; attention comes from later outputs that read this input: there is no recurrence. direct + attention = total. untruncated is what would arrive without truncation: the difference is what it cut.",
    },
    lag: {
      more: "Cell (s, t) is |dL_s/dh_t|, the length of the error that the loss of step s sends to the block\u2019s input of step t; lag = s \u2212 t. Attention is the only way back to an earlier step, and it takes one leap: a row fades where little is attended to, not with the lag. No path leads forward, so the upper triangle is empty. Truncation cuts cells away: they are hatched, however large they are.",
    },
  },
  none: { title: "No run yet", text: "The pictures appear here as soon as there is a network to look at." },
  describe: {
    map: "{title}: {units} units by {steps} steps, iteration {iteration}.",
    lag: "{title}: {steps} loss steps by {steps} steps, iteration {iteration}. At the cursor, loss step {s} and step {t}: {value}.",
    attention: "{title}: {steps} outputs by {steps} states, iteration {iteration}.",
    share: "{title} {weight}: {sentence}.",
  },
};

function merge(base, over) {
  const merged = { ...base };
  for (const [key, value] of Object.entries(over ?? {})) merged[key] = value && typeof value === "object" ? merge(base[key] ?? {}, value) : value;
  return merged;
}

/** The words, with a translation laid over them. */
export function inWords(translation) {
  return merge(ENGLISH, translation);
}
