// The browser's Back and Forward: each change of the settings is an address of its own, and going back to one brings its settings back.

/** `owns()`: whether this page may change its run.  `visited(search)`: the address that was gone to.  Returns what ends the listening. */
export function visits(owns, visited) {
  const here = location.pathname;
  const went = (event) => {
    if (!owns() || location.pathname !== here) return;
    // Streamlit would run the page with the settings that it has, and write their address over this one.
    event.stopImmediatePropagation();
    visited(location.search);
  };
  window.addEventListener("popstate", went, { capture: true });
  return () => window.removeEventListener("popstate", went, { capture: true });
}

/** Calls `arrived` as soon as the address bar has `path`, which Streamlit writes some time after it shows the page.  Returns what ends the waiting. */
export function arrival(path, arrived) {
  const look = setInterval(() => {
    if (location.pathname !== path) return;
    clearInterval(look);
    arrived();
  }, 50);
  return () => clearInterval(look);
}

const PAGES = "a:is([data-testid^='stTopNavLink'], [data-testid^='stSidebarNavLink'])"; // a box around each has such a name, too
const SETTLED = 1500; // ms
const LOOK_EVERY = 50; // ms
let clicks = 0;

// Streamlit lets what looks again and again at the fits of a page win over a click that leaves the page: such a click is made again.
document.addEventListener("click", (event) => {
  const link = event.isTrusted ? event.target.closest?.(PAGES) : null;
  if (!link) return;
  const { pathname } = new URL(link.href);
  const [here, own] = [location.pathname, ++clicks];
  setTimeout(() => {
    // Who has gone elsewhere meanwhile is not taken back.
    if (location.pathname !== here || pathname === here || own !== clicks) return;
    [...document.querySelectorAll(PAGES)].find((other) => new URL(other.href).pathname === pathname)?.click();
  }, SETTLED);
});

// So it is with Back and Forward: a run of the page that was left, which had only been asked for, writes that page's path behind the one
// that was gone to.  Then the way is made again: a few times, since it may lead to a path that no page has.
const WAYS = 3;
let [overtaken, gone, ways, own] = [0, "", WAYS, false];
const settled = () => clearInterval(overtaken);
window.addEventListener("popstate", () => {
  settled();
  [gone, ways] = own ? [gone, ways - 1] : [location.pathname, WAYS];
  own = false;
  const until = performance.now() + SETTLED;
  overtaken = setInterval(() => {
    own = location.pathname !== gone && ways > 0;
    if (own) history.back();
    if (own || performance.now() > until) settled();
  }, LOOK_EVERY);
}, { capture: true });
document.addEventListener("click", (event) => event.isTrusted && settled(), { capture: true });
