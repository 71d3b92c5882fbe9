// Light or dark: as the system says, until somebody chooses here.
import { at } from "../dom.js";
import { t } from "../words.js";

const KEPT = "kehu.scheme";
const system = matchMedia("(prefers-color-scheme: dark)");
const root = document.documentElement;
const dark = () => (root.dataset.scheme ?? (system.matches ? "dark" : "light")) === "dark";

/** `changed()` draws what has its colours from a script. */
export function begin(changed) {
  at("scheme").addEventListener("click", () => {
    root.dataset.scheme = dark() ? "light" : "dark";
    localStorage.setItem(KEPT, root.dataset.scheme);
    changed();
  });
  system.addEventListener("change", changed);
}

export const draw = () => {
  at("scheme").textContent = t(dark() ? "scheme.light" : "scheme.dark");
};
