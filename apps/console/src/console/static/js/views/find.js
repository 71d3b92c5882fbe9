// Find a customer: by name, pinyin, key or tax id, as somebody types.
import { get } from "../api.js";
import { h } from "../dom.js";
import { to } from "../route.js";
import { t, term } from "../words.js";

const SHOWN = 30;
const PAUSE = 200; // milliseconds without a key

export async function show() {
  const list = h("ul", { class: "lines", "aria-live": "polite" });
  let asked = 0;
  let waiting = null;

  async function look(q) {
    const mine = ++asked;
    const { items } = await get("/api/customers/", { q, limit: SHOWN });
    if (mine !== asked) return;
    list.replaceChildren(...(items.length ? items.map(found) : [h("li", { class: "empty" }, t("find.none"))]));
  }

  const oninput = ({ target }) => {
    clearTimeout(waiting);
    waiting = setTimeout(look, PAUSE, target.value.trim());
  };
  await look("");
  const input = h("input", {
    type: "search",
    oninput,
    "aria-label": t("find.title"),
    placeholder: t("find.by"),
    autofocus: true,
  });
  requestAnimationFrame(() => input.focus());
  return { title: t("find.title"), nodes: [input, list] };
}

const found = (row) =>
  h(
    "li",
    {},
    h("a", { class: "customer", href: to(`customer/${encodeURIComponent(row.customer)}`) }, row.name),
    h("small", {}, [row.customer, term("type", row.type), row.city].filter(Boolean).join(" · ")),
  );
