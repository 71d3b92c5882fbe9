// What is looked at: the two times of every figure, and the currency. It is part of the page's address, so a view can
// be sent to somebody; empty means today, all that is known, the only currency there is.
const NAMES = ["as_of", "known_at", "currency"];
const listeners = new Set();

export const choice = read();

function read() {
  const asked = new URLSearchParams(location.search);
  return Object.fromEntries(NAMES.map((name) => [name, asked.get(name) ?? ""]));
}

/** Look at something else; everybody who listens hears of it. */
export function choose(changes) {
  Object.assign(choice, changes);
  const asked = new URLSearchParams(Object.entries(choice).filter(([, value]) => value));
  history.pushState(null, "", `${location.pathname}${asked.size ? `?${asked}` : ""}${location.hash}`);
  tell();
}

export const listen = (listener) => listeners.add(listener);
const tell = () => listeners.forEach((listener) => listener());

/** Whether another day, or what was known then, is looked at. */
export const past = () => Boolean(choice.as_of || choice.known_at);

addEventListener("popstate", () => {
  const before = JSON.stringify(choice);
  Object.assign(choice, read());
  if (JSON.stringify(choice) !== before) tell();
});
