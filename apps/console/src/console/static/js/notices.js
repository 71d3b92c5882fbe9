// Strips above the page: the server is gone, another day is looked at, something loads. One a subject, in a fixed
// order.
import { at, h } from "./dom.js";

const ORDER = ["server", "loading", "moment"];
const shown = new Map();

/** Say something about a subject, or with null no longer. The same text again changes nothing: nobody hears it
 * twice. */
export function notice(subject, kind = "", ...content) {
  const before = shown.get(subject),
    text = content.map((part) => part?.textContent ?? part).join("");
  if (kind !== null && before?.dataset.said === text) return;
  if (kind === null) shown.delete(subject);
  else shown.set(subject, Object.assign(h("div", { class: `strip ${kind}`, "data-said": text }, ...content)));
  at("notices").replaceChildren(...ORDER.map((name) => shown.get(name)).filter(Boolean));
}
