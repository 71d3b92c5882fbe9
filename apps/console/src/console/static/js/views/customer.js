// One customer on a sheet: what it owes and since when, how its limit is used, what is wrong.
import { figure, get } from "../api.js";
import { h } from "../dom.js";
import { day, digits, money, percent } from "../format.js";
import { to } from "../route.js";
import { t, term } from "../words.js";
import * as ageing from "./ageing.js";
import { item } from "./alerts.js";

const SHOWN = 20;

export async function show([customer]) {
  const path = encodeURIComponent(customer);
  const record = await get(`/api/customers/${path}`);
  const currency = record.currency;
  const [balance, ages, dso, limits, alerts, complaints] = await Promise.all([
    figure("balance", { customer, currency }),
    figure("ageing", { customer, currency }),
    figure("dso", { customer, currency }),
    figure("limits", { customer, currency }),
    get("/api/analytics/alerts", { customer, state: "open", limit: SHOWN }),
    get("/api/complaints/", { customer, open: true, limit: SHOWN }),
  ]);
  return {
    title: h("span", { "data-value": true }, record.name),
    nodes: [
      h("p", { class: "lead", "data-value": true }, told(record)),
      h("dl", { class: "facts" }, numbers(customer, balance, dso, limits.customers.items[0])),
      use(limits.customers.items[0]),
      h("h3", {}, t("ageing.title")),
      ageing.draw(ages, customer)[1],
      h("h3", {}, t("alerts.title")),
      alerts.items.length
        ? h(
            "ul",
            { class: "alerts" },
            alerts.items.map((a) => item(a, { named: false })),
          )
        : h("p", { class: "empty" }, t("alerts.none")),
      h("h3", {}, t("customer.complaints")),
      complaints.items.length
        ? h("ul", { class: "lines" }, complaints.items.map(complaint))
        : h("p", { class: "empty" }, t("complaints.none")),
    ],
  };
}

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
