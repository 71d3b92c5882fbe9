// All that happened to a customer, in sentences; the latest first.
import { get } from "../api.js";
import { h } from "../dom.js";
import { day } from "../format.js";
import { language, t } from "../words.js";

const PAGE = 10;

export const load = (customer, cursor = null) => get("/api/customers/timeline", { customer, limit: PAGE, cursor });

export function draw(customer, page) {
  const list = h("ol", { class: "timeline" });
  const more = h("button", { type: "button", onclick: next }, t("customer.more"));
  let cursor = null;

  function add(found) {
    list.append(...found.items.map(entry));
    cursor = found.next;
    more.hidden = !cursor;
  }

  async function next() {
    add(await load(customer, cursor));
  }

  add(page);
  return [list, more];
}

const entry = (found) =>
  h("li", {}, h("small", {}, day(found.effective)), h("p", { "data-value": true }, found.sentence[language]));
