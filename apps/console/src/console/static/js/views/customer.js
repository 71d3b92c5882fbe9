// One customer on a sheet: what it owes and since when, how its limit is used, what is wrong.
import { figure, get } from "../api.js";
import { h } from "../dom.js";
import { day, digits, money, percent } from "../format.js";
import { to } from "../route.js";
import { t, term } from "../words.js";
import * as ageing from "./ageing.js";
import { item } from "./alert-item.js";
import * as timeline from "./timeline.js";

const SHOWN = 20;

export async function show([customer]) {
  const record = await get(`/api/customers/${encodeURIComponent(customer)}`);
  const asked = { customer, currency: record.currency };
  const blocks = await Promise.all([
    block(null, [figure("balance", asked), figure("dso", asked), figure("limits", asked)], (balance, dso, limits) => [
      h("dl", { class: "facts" }, numbers(customer, balance, dso, limits.customers.items[0])),
      use(limits.customers.items[0]),
    ]),
    block(t("ageing.title"), [figure("ageing", asked)], (ages) => ageing.draw(ages, customer)[1]),
    block(t("alerts.title"), [get("/api/analytics/alerts", { customer, state: "open", limit: SHOWN })], ({ items }) =>
      list(
        "alerts",
        items.map((alert) => item(alert, { named: false })),
        t("alerts.none"),
      ),
    ),
    block(t("customer.complaints"), [get("/api/complaints/", { customer, open: true, limit: SHOWN })], ({ items }) =>
      list("lines", items.map(complaint), t("complaints.none")),
    ),
    block(t("customer.timeline"), [timeline.load(customer)], (page) => timeline.draw(customer, page)),
  ]);
  return {
    title: h("span", { "data-value": true }, record.name),
    nodes: [h("p", { class: "lead", "data-value": true }, told(record)), ...blocks],
  };
}

/** A part of the sheet; what may not be seen says so in its place and keeps nothing else from being shown. */
async function block(title, wanted, draw) {
  const shown = await Promise.all(wanted).then(
    (found) => draw(...found),
    (error) => h("p", { class: "failed" }, error.message),
  );
  return [title && h("h3", {}, title), shown];
}

const list = (kind, items, none) => (items.length ? h("ul", { class: kind }, items) : h("p", { class: "empty" }, none));

const told = (record) =>
  [
    record.customer,
    term("type", record.type),
    record.city,
    record.owner && t("customer.owner", { owner: record.owner }),
    t("customer.since", { day: day(record.since) }),
  ]
    .filter(Boolean)
    .join(" · ");

function numbers(customer, balance, dso, limit) {
  const line = (label, value, href) =>
    h("div", {}, h("dt", {}, label), h("dd", { "data-value": true }, href ? h("a", { href }, value) : value));
  return [
    line(t("headline.outstanding"), money(balance.outstanding, balance.currency), to("explain/balance", { customer })),
    line(
      t("headline.dso"),
      dso.dso === null ? term("reason", dso.reason) : `${digits(dso.dso)} ${t("days", { n: dso.dso })}`,
      to("explain/dso", { customer }),
    ),
    line(
      t("limits.used"),
      limit ? money(limit.used, balance.currency) : "–",
      limit && to("explain/limits", { customer }),
    ),
    line(
      t("limits.limit"),
      limit ? (limit.limit === null ? t("limits.unlimited") : money(limit.limit, balance.currency)) : "–",
      limit && limit.limit !== null && to("explain/limits", { customer, part: "denominator" }),
    ),
  ];
}

function use(limit) {
  if (!limit || limit.share === null) return null;
  const share = Number(limit.share);
  return h(
    "div",
    { class: `use ${limit.breached ? "breached" : ""}` },
    h(
      "div",
      { class: "track", "aria-hidden": "true" },
      h("span", { class: "bar", style: { "--share": Math.min(1, Math.max(0, share)) } }),
    ),
    h("small", {}, t(limit.breached ? "limits.exceeded" : "limits.use", { share: percent(limit.share) })),
  );
}

const complaint = (row) =>
  h(
    "li",
    {},
    h("strong", { "data-value": true }, row.complaint),
    " ",
    term("subject", row.subject),
    h(
      "small",
      {},
      [term("stage", row.stage), row.turn && t("complaints.turn", { who: term("turn", row.turn) })]
        .filter(Boolean)
        .join(t("list")),
    ),
  );
