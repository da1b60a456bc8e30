// Pointer and keys on the pictures -> the cursor.

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/**
 * `placeOf(element, x, y)`: the place {t, s, unit} at a point of one of the plots, or null.  `settled()`: the cursor was put somewhere on
 * purpose, not only hovered.
 */
export function pointing(stack, cursor, placeOf, settled) {
  const at = (event) => {
    const plot = event.target.closest?.(".plot, .axisrows");
    if (!plot) return null;
    const box = plot.getBoundingClientRect();
    return placeOf(plot, event.clientX - box.left, event.clientY - box.top);
  };
  stack.addEventListener("pointermove", (event) => {
    const place = at(event);
    if (place) cursor.hover(place);
  });
  stack.addEventListener("click", (event) => {
    const place = at(event);
    if (!place) return;
    cursor.click(place);
    settled();
  });
  stack.addEventListener("keydown", (event) => {
    // Buttons and selects within the pictures keep their own keys.
    if (event.target !== stack) return;
    if (event.key in ARROWS) cursor.move(...ARROWS[event.key]);
    else if (event.key === "Home") cursor.move(-cursor.steps, 0);
    else if (event.key === "End") cursor.move(cursor.steps, 0);
    else if (event.key === "Enter") cursor.pin(!cursor.pinned);
    else return;
    event.preventDefault();
    settled();
  });
}
