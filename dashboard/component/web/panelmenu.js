// The menu of panels: which are shown, how colour ranges behave, how many pictures a second.

import { make, press, segments, symbol } from "./dom.js";

const RATES = ["15", "30", "60"];

/** `shows(name, shown)`: a panel was ticked or not. */
export function panelMenu(words, look, names, shows) {
  const w = words.panel;
  const check = (name) => {
    const box = make("input", { type: "checkbox", on: { change: () => shows(name, box.checked) } });
    box.checked = look.shown.includes(name);
    return make("label", { dataset: { shows: name } }, box, make("span", { text: words.panels[name].title }));
  };
  const setting = (title, pairs, value, chosen) => {
    const group = segments(pairs, value, title, (now) => {
      press(group, now);
      look.choose(chosen(now));
    });
    return make("div", { class: "setting" }, make("span", { text: title }), group);
  };
  return make(
    "details", { class: "menu" },
    make("summary", { title: w.menuTip }, symbol("panels"), make("span", { text: w.menu })),
    make(
      "div", { class: "sheet" },
      make("div", { class: "checks" }, ...names.map(check)),
      setting(w.range, [["following", w.following], ["fixed", w.fixed]], look.range, (range) => ({ range })),
      setting(w.smooth, RATES.map((rate) => [rate, rate]), String(look.fps), (fps) => ({ fps: Number(fps) })),
    ),
  );
}
