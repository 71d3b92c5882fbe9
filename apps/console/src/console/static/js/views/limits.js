// Who is above the limit in force, and by how much.
import { figure } from "../api.js";
import { h, table } from "../dom.js";
import { day, digits, percent } from "../format.js";
import { customerLink } from "../names.js";
import { to } from "../route.js";
import { t } from "../words.js";

export async function show() {
  const limits = await figure("limits", { breached: true, limit: 200 });
  const rows = limits.customers.items.map((row) => [
    customerLink(row.customer),
    [
      h("a", { href: to("explain/limits", { customer: row.customer }), "data-value": true }, digits(row.used)),
      "number",
    ],
    [digits(row.limit), "number"],
    [row.share === null ? "–" : percent(row.share), "number"],
  ]);
  const heads = [
    t("table.customer"),
    [t("limits.used"), "number"],
    [t("limits.limit"), "number"],
    [t("limits.share"), "number"],
  ];
  return {
    title: t("limits.title"),
    nodes: [
      h(
        "p",
        { class: "lead" },
        t("limits.lead", {
          day: day(limits.as_of),
          n: digits(limits.breaches),
          of: digits(limits.with_limit),
          currency: limits.currency,
        }),
      ),
      rows.length
        ? h("div", { class: "scroll" }, table({ caption: t("limits.title"), heads, rows, kind: "events" }))
        : h("p", { class: "empty" }, t("limits.none")),
    ],
  };
}
