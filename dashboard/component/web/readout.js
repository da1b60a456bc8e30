// The numbers at the cursor, and the tokens that the network expects next.

import { make, write } from "./dom.js";
import { columnNorm } from "./frame.js";
import { fill, known, short } from "./numbers.js";
import { Panel } from "./panel.js";

export class Readout extends Panel {
  constructor(texts, words) {
    super("cursor", texts, words);
    this.words = words;
    const w = words.readout;
    this.cells = {};
    const entry = (name, label) => {
      const title = make("dt", { text: label });
      this.cells[name] = make("dd", { text: "\u2013" });
      this.cells[`${name}Label`] = title;
      return [title, this.cells[name]];
    };
    this.list = make(
      "dl", {}, ...["row", "column", "said", "true", "lag", "loss", "h"].flatMap((name) => entry(name, w[name])),
      ...entry("dh", fill(w.dh, { part: "" })),
    );
    this.body.append(this.list);
  }

  /** `column`: of a series, the one whose values are told. */
  read(cursor, axis, frame, matrix, column = 0) {
    const { s, t } = cursor;
    const { cells } = this;
    const w = this.words.readout;
    this.#values(axis, t, frame?.maps ?? {}, column);
    write(cells.row, `${s + 1} \u00b7 ${axis.targets[s] ?? ""}`);
    write(cells.column, `${t + 1} \u00b7 ${axis.inputs[t] ?? ""}`);
    const maps = frame?.maps ?? {};
    write(cells.lag, maps.lag ? matrix.inWords(s, t) : "\u2013");
    write(cells.loss, maps.loss_steps ? short(maps.loss_steps.codes[t]) : "\u2013");
    for (const name of ["h", "dh"]) {
      const norm = maps[name] ? columnNorm(maps[name], t) : null;
      write(cells[name], norm ? known(norm.value, norm.uncertainty) : "\u2013");
    }
    write(cells.dhLabel, fill(w.dh, { part: this.words.panels.dh.parts[maps.dh?.part] ?? "" }).trim());
  }

  /** What is predicted after step t, and what is true, where that is numbers; of tokens, the panel of next tokens says so. */
  #values(axis, t, { output, target, loss_steps: losses }, column) {
    const { cells } = this;
    const w = this.words.readout;
    const columns = axis.values;
    for (const name of ["said", "true"]) cells[name].hidden = cells[`${name}Label`].hidden = !columns.length;
    if (!columns.length) return;
    const told = { time: axis.targets[t] ?? "", column: columns.length > 1 ? ` (${columns[column]})` : "" };
    write(cells.saidLabel, axis.series ? fill(w.said, told) : w.answer);
    const value = (map) => (map ? short(map.codes[t * map.shape[1] + column], 4) : "\u2013");
    const unanswered = losses && !Number.isFinite(losses.codes[t]);
    write(cells.said, unanswered ? w.unanswered : value(output));
    // What a series has next is known even where it is not asked for.
    write(cells.true, unanswered && axis.known ? "\u2013" : value(target));
  }
}

export class NextTokens extends Panel {
  constructor(texts, words) {
    super("next", texts, words);
    Object.assign(this, { texts, words });
    this.rows = Array.from({ length: 6 }, (_, i) => {
      const [token, bar, value] = [make("bdi", { class: "token" }), make("i"), make("span", { class: "number" })];
      const element = make("li", { class: i === 5 ? "apart" : null }, token, make("span", { class: "track" }, bar), value);
      return { token, bar, value, element };
    });
    this.body.append(make("ol", {}, ...this.rows.map((row) => row.element)));
  }

  /** Names the panel after what is predicted: the token that is read next, or an answer. */
  stand(axis) {
    const { answer, answerLine, ...texts } = this.texts;
    const next = axis.targets.slice(0, -1).every((target, t) => target === axis.inputs[t + 1]);
    this.tell(next ? texts : { ...texts, title: answer, line: answerLine });
  }

  read(cursor, axis, frame) {
    const { next_token: tokens, next_probability: probabilities, true_probability: truth } = frame?.maps ?? {};
    const wide = tokens?.shape[1] ?? 5;
    const target = axis.targets[cursor.t];
    let found = false;
    this.rows.forEach((row, i) => {
      let [token, probability, mark] = ["", NaN, false];
      if (tokens && i < Math.min(wide, 5)) {
        token = axis.vocabulary[tokens.codes[cursor.t * wide + i]] ?? "";
        probability = probabilities.codes[cursor.t * wide + i];
        mark = token === target;
        found ||= mark;
      } else if (truth && i === 5 && !found && !Number.isNaN(truth.codes[cursor.t])) [token, probability, mark] = [target, truth.codes[cursor.t], true];
      write(row.token, token);
      row.token.title = mark ? `${token}: ${this.words.readout.truth}` : token;
      write(row.value, Number.isFinite(probability) ? short(probability) : "");
      row.bar.style.width = Number.isFinite(probability) ? `${100 * probability}%` : "0";
      row.element.classList.toggle("true", mark);
      row.element.style.visibility = !token || (i === 5 && !mark) ? "hidden" : "";
    });
  }
}
