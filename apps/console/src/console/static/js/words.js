// What the page says, in the reader's language. Every text lies in words/<language>.json under a key.

export const LANGUAGES = ["en", "zh-CN"];
const KEPT = "kehu.language";
let said = {},
  plural = null;
export let language = "en";

/** Begin to speak a language; unknown ones are English. */
export async function speak(wanted) {
  language = LANGUAGES.includes(wanted) ? wanted : "en";
  said = await (await fetch(`words/${language}.json`)).json();
  plural = new Intl.PluralRules(language);
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of document.querySelectorAll("[data-t-label]"))
    element.setAttribute("aria-label", t(element.dataset.tLabel));
}

/** The language somebody has chosen here before, else the one the browser asks for. */
export const preferred = (asked) => localStorage.getItem(KEPT) ?? asked;
export const keep = (chosen) => localStorage.setItem(KEPT, chosen);

/** The text of `key` with its {placeholders} filled; `n` chooses between one and several where a language does. */
export function t(key, values = {}) {
  const one = "n" in values && plural.select(Number(values.n)) === "one" ? said[`${key}.one`] : undefined;
  return (one ?? said[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** The word for a name of the API (`late_delivery` among `subject`); one that is new here is shown as it is written. */
export function term(group, name) {
  return said[`${group}.${name}`] ?? String(name ?? "").replaceAll("_", " ");
}
