// What opens over the page (the proof, the menu of panels) and closes again: with Escape, and with a press anywhere else.

/** `sheets`: [element, close] pairs; `escaped()`: Escape was pressed.  Returns a function that ends this. */
export function closing(sheets, escaped) {
  const press = (event) => {
    const path = event.composedPath();
    for (const [element, close] of sheets) if (!path.includes(element)) close();
  };
  const escape = (event) => {
    if (event.key !== "Escape") return;
    for (const [, close] of sheets) close();
    escaped();
  };
  window.addEventListener("pointerdown", press);
  window.addEventListener("keydown", escape);
  return () => {
    window.removeEventListener("pointerdown", press);
    window.removeEventListener("keydown", escape);
  };
}
