// The address bar of a page that has no history of settings: its query is replaced, so that Back leads to the page before at once.

import { arrival } from "./visits.js";

/** data: base, path, query.  Waits until the address bar has the path, which Streamlit writes some time after it shows the page. */
export default function place({ data }) {
  const path = data.base + data.path;
  return arrival(path, () => {
    const address = data.query ? `${path}?${data.query}` : path;
    if (location.pathname + location.search !== address) history.replaceState(history.state, "", address);
  });
}
