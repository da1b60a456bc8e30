// How far each forecast was off, on validation and on test, the best of each column marked: it need not be the network.

import { make, press, segments, write } from "./dom.js";
import { fill, short } from "./numbers.js";

const SCORES = ["mse", "mae", "mase", "smape"];
// What the eye cannot tell apart in four digits shares a place.
const SAME = 1 + 1e-4;

const percent = (share) => `${Math.round(100 * share)} %`;

export class Scoreboard {
  constructor(words) {
    Object.assign(this, { words, part: "validation", best: null });
    this.parts = segments(Object.entries(words.scored), this.part, words.scores, (part) => {
      this.part = part;
      press(this.parts, part);
      this.#fill();
    });
    this.headings = Object.fromEntries(SCORES.map((name) => [name, this.#heading(name)]));
    this.head = make("tr", {}, make("th", { scope: "col", text: words.method }), ...Object.values(this.headings));
    this.rows = make("tbody");
    this.verdict = make("p", { class: "line verdict" });
    const table = make("table", { class: "scores", "aria-label": words.scores }, make("thead", {}, this.head), this.rows);
    this.units = make("p", { class: "line units" });
    this.coverage = make("p", { class: "line coverage" });
    this.element = make("div", { class: "scoreboard" }, this.parts, make("div", { class: "scored" }, table), this.verdict, this.coverage, this.units);
  }

  #heading(name) {
    const [text, title] = this.words.columns[name];
    return make("th", { scope: "col", text, title });
  }

  /** How many columns the series has: the errors of several share no units of their own. */
  over(columns) {
    const { several } = this.words;
    for (const name of SCORES) this.headings[name].title = (columns > 1 && several[name]) || this.words.columns[name][1];
    write(this.units, columns > 1 ? fill(several.note, { columns }) : "");
  }

  clear() {
    this.rows.replaceChildren();
    this.made = "";
  }

  /**
   * `network`: part -> score -> number, or nothing yet; `others`: [{name, label, scores, level, covered}], the last: part -> share of the true values inside the intervals.
   * `apart`: the network's forecasts are of another kind, and are not ranked with the others.
   */
  set(network, others, label, apart = false) {
    this.apart = apart;
    this.boards = [{ name: "network", label, scores: network }, ...others].filter(({ scores }) => scores);
    this.#fill();
  }

  #fill() {
    const boards = (this.boards ?? []).filter(({ scores }) => scores[this.part]);
    const signature = `${boards.map(({ name, label }) => [name, label])}`;
    if (this.made !== signature) {
      this.made = signature;
      this.cells = boards.map(() => SCORES.map(() => make("td")));
      this.rows.replaceChildren(...boards.map(({ label }, i) => make("tr", {}, make("th", { scope: "row", text: label }), ...this.cells[i])));
    }
    SCORES.forEach((name, column) => {
      const values = boards.map(({ scores }) => scores[this.part][name] ?? NaN);
      const ranks = (row) => !(this.apart && boards[row].name === "network");
      const least = Math.min(...values.filter((value, row) => Number.isFinite(value) && ranks(row)));
      values.forEach((value, row) => {
        const cell = this.cells[row][column];
        write(cell, short(value, 4));
        cell.classList.toggle("best", ranks(row) && value <= least * SAME);
      });
      if (name === "mase") this.best = boards.find((_, row) => values[row] <= least * SAME && boards[row].name !== "network")?.name ?? this.#second(boards, values);
    });
    this.#judge(boards);
    this.#cover(boards);
  }

  /** Whether the intervals hold as many of the true values as they promise. */
  #cover(boards) {
    const found = boards.filter(({ covered }) => Number.isFinite(covered?.[this.part]));
    const each = found.map(({ label, covered }) => `${label} ${percent(covered[this.part])}`).join(", ");
    const { words, part } = this;
    write(this.coverage, each && fill(words.coverage, { part: words.scored[part], level: percent(found[0].level), each }));
  }

  /** Where the network is best: the best of the others. */
  #second(boards, values) {
    const others = boards.map(({ name }, row) => [values[row], name]).filter(([value, name]) => name !== "network" && Number.isFinite(value));
    return others.sort(([a], [b]) => a - b)[0]?.[1] ?? null;
  }

  #judge(boards) {
    const ranked = boards.map(({ name, label, scores }) => ({ name, label, mase: scores[this.part].mase ?? NaN })).filter(({ mase }) => Number.isFinite(mase));
    ranked.sort((a, b) => a.mase - b.mase);
    const network = ranked.find(({ name }) => name === "network");
    const { ahead, behind, alone, apart } = this.words.verdict;
    const values = { part: this.words.scored[this.part], first: ranked[0]?.label, network: short(network?.mase), best: short(ranked[0]?.mase) };
    if (!network) write(this.verdict, "");
    else if (this.apart) write(this.verdict, apart);
    else if (ranked.length === 1) write(this.verdict, alone);
    else write(this.verdict, fill(ranked[0].name === "network" ? ahead : behind, { ...values, second: ranked[1].label }));
  }
}
