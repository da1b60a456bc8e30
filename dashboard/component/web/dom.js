// Elements, made without innerHTML: tokens are people's own text and are shown literally.

/** An element. `attributes`: class, text, dataset, on (event name -> listener), style (property -> value); all others as attributes. */
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "class") element.className = value;
    else if (name === "text") element.textContent = value;
    else if (name === "dataset") Object.assign(element.dataset, value);
    else if (name === "on") for (const [type, listener] of Object.entries(value)) element.addEventListener(type, listener);
    else if (name === "style") for (const [property, set] of Object.entries(value)) element.style.setProperty(property, set);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** A style sheet for the tree in which `root` stands. */
export function adopt(root, sheet) {
  const { adoptedStyleSheets } = root.getRootNode();
  if (!adoptedStyleSheets.includes(sheet)) adoptedStyleSheets.push(sheet);
}

/** Writes text only when it changed: an unchanged node costs no layout. */
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** A select with the given [value, label] pairs. */
export function choice(pairs, value, label, listener) {
  const select = make("select", { "aria-label": label, title: label, on: { change: () => listener(select.value) } });
  offer(select, pairs, value);
  return select;
}

/** Replaces a select's options, and keeps the DOM alone when they are the same. */
export function offer(select, pairs, value) {
  const signature = JSON.stringify(pairs);
  if (select.dataset.offered !== signature) {
    select.dataset.offered = signature;
    select.replaceChildren(...pairs.map(([key, text]) => make("option", { value: key, text })));
  }
  select.value = value;
}

/** A row of buttons of which one is pressed. */
export function segments(pairs, value, label, listener) {
  const group = make("div", { class: "segments", role: "group", "aria-label": label });
  group.replaceChildren(
    ...pairs.map(([key, text, title]) =>
      make("button", {
        type: "button", text, title, "aria-pressed": String(key === value), dataset: { value: key }, on: { click: () => listener(key) },
      }),
    ),
  );
  return group;
}

/** Marks the pressed button of `segments`. */
export function press(group, value) {
  for (const button of group.children) button.setAttribute("aria-pressed", String(button.dataset.value === value));
}

const SHAPES = {
  play: "M4 2.5v11l9.5-5.5z",
  pause: "M3.5 2.5h3.2v11H3.5zM9.3 2.5h3.2v11H9.3z",
  step: "M3 2.5v11L10.5 8zM11 2.5h2.2v11H11z",
  restart: "M8 3a5 5 0 1 0 4.9 6h-1.8A3.3 3.3 0 1 1 8 4.7c.9 0 1.7.35 2.3.95L8.4 7.5H13.5V2.4l-1.9 1.9A5 5 0 0 0 8 3z",
  panels: "M2 2.5h5v5H2zM9 2.5h5v5H9zM2 9.5h5v4H2zM9 9.5h5v4H9z",
};

/** One of the drawn symbols above, in the colour of the text around it. */
export function symbol(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}
