// A card that fetches and shows: waiting, an error with another try, or what came. An older answer never overwrites a
// newer.
import { h } from "./dom.js";
import { t } from "./words.js";

/** `load()` fetches, `draw(data)` makes the nodes, `refused(error)` hears why there is nothing. The last data is kept,
 * so that a new language needs no request. */
export function panel(section, { load, draw }, refused = () => {}) {
  let asked = 0,
    known = null;

  function show(nodes) {
    section.replaceChildren(...[nodes].flat(Infinity).filter(Boolean));
    section.removeAttribute("aria-busy");
  }

  async function refresh() {
    const mine = ++asked;
    if (!known) show(skeleton());
    section.setAttribute("aria-busy", "true");
    try {
      const data = await load();
      if (mine !== asked) return null;
      known = { data };
      show(draw(data));
      return data;
    } catch (error) {
      if (mine === asked) fail(error);
      return null;
    }
  }

  // What was there stays while nobody answers; the page says so above.
  function fail(error) {
    if (known && error.name === "Unreachable") return section.removeAttribute("aria-busy");
    known = null;
    refused(error);
    return show(
      h(
        "div",
        { class: "failed" },
        h("p", {}, error.message),
        h("button", { type: "button", onclick: refresh }, t("error.again")),
      ),
    );
  }

  return { refresh, redraw: () => known && show(draw(known.data)) };
}

function skeleton() {
  const bars = [0, 1, 2].map((n) => h("span", { style: { "--width": `${88 - 17 * n}%` } }));
  return h("div", { class: "skeleton" }, h("p", { class: "unseen" }, t("waiting")), bars);
}

/** The head of a card: its title, and beside it whatever belongs there. */
export const head = (title, ...beside) => h("div", { class: "head" }, h("h2", {}, title), beside);
