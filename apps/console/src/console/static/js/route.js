// What lies open beside the page is part of its address (#/explain/ageing?part=1-30): links open it, "back" closes it.

/** The address of an explanation, a customer, ...: to("explain/ageing", { part: "1-30" }). */
export function to(place, parameters = {}) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return `#/${place}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
}

/** What the address names: { place: ["explain", "ageing"], parameters }. */
export function route() {
  const [path, asked = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const place = path.split("/").filter(Boolean).map(decodeURIComponent);
  return { place, parameters: Object.fromEntries(new URLSearchParams(asked)) };
}

/** `go(route)` now and whenever the address changes. */
export function follow(go) {
  addEventListener("hashchange", () => go(route()));
  go(route());
}

/** Away with what lies open. */
export function leave() {
  if (!location.hash) return;
  history.pushState(null, "", location.pathname + location.search);
  dispatchEvent(new HashChangeEvent("hashchange"));
}
