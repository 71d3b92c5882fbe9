// A company without customers yet: what to do, instead of six empty cards.
import { get } from "../api.js";
import { at, h } from "../dom.js";
import { t } from "../words.js";

let none = false;

export async function look() {
  const found = await get("/api/customers/", { limit: 1 }).catch(() => null);
  if (found) none = found.items.length === 0;
  draw();
}

const WAYS = [
  ["empty.demo", "make run"],
  ["empty.import", ".venv/bin/python -m all_in_one import classicmodels path/to/classicmodels"],
];

export function draw() {
  at("main").toggleAttribute("data-empty", none);
  at("empty").hidden = !none;
  at("empty").replaceChildren(
    h("h2", {}, t("empty.title")),
    h("p", {}, t("empty.lead")),
    h(
      "ul",
      {},
      WAYS.map(([key, command]) => h("li", {}, t(key), h("code", {}, command))),
    ),
    h("p", {}, t("empty.docs")),
  );
}
