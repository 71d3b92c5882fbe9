// Why there is an alert: the events that add up to what it measured. An alert names them by id; what they are is told
// by the explanation of the figure behind it.
import { get } from "../api.js";
import { same, sum } from "../decimals.js";
import { h, table } from "../dom.js";
import { day, digits, instant, money } from "../format.js";
import { to } from "../route.js";
import { t, term } from "../words.js";
import { item } from "./alert-item.js";

const PAGE = 500;
const BEHIND = {
  overdue: (alert) => ["balance", { customer: alert.customer, part: "receivable" }],
  limit_breach: (alert) => ["limits", { customer: alert.customer, part: "numerator" }],
  receivables_line: () => ["balance", { part: "outstanding" }],
  dso_above_target: () => ["dso", { part: "numerator" }],
};

export async function show([id]) {
  const path = `/api/analytics/alerts/${encodeURIComponent(id)}`;
  const alert = await get(path);
  const [figure, parameters] = BEHIND[alert.rule](alert);
  const [shares, entries] = await Promise.all([
    get(`${path}/explain`, { limit: PAGE }),
    named(figure, { ...parameters, currency: alert.currency }),
  ]);
  return {
    title: t("alert.title", { rule: term("rule_name", alert.rule) }),
    nodes: [
      h("ul", { class: "alerts" }, item(alert, { linked: false })),
      facts(alert),
      total(alert, shares),
      list(alert, shares.items, entries),
      h("p", {}, h("a", { href: to(`explain/${figure}`, parameters) }, t("alert.figure"))),
    ],
  };
}

async function named(figure, parameters) {
  const found = await get(`/api/analytics/${figure}/explain`, { ...parameters, limit: PAGE }).catch(() => null);
  return new Map((found?.entries.items ?? []).map((entry) => [entry.event, entry]));
}

function facts(alert) {
  const lines = [
    ["alert.state", term("alert_state", alert.state)],
    ["alert.raised", day(alert.raised_on)],
    ["alert.changed", day(alert.changed_on)],
    ["alert.known", instant(alert.known_at)],
    ["alert.policy", t("alert.policy.version", { version: alert.policy_version })],
    alert.note && ["alert.note", alert.note],
    alert.measure && ["alert.measure", alert.measure],
  ].filter(Boolean);
  return h(
    "dl",
    { class: "facts" },
    lines.map(([key, value]) => h("div", {}, h("dt", {}, t(key)), h("dd", { "data-value": true }, value))),
  );
}

function total(alert, shares) {
  const all = money(alert.numerator, alert.currency);
  if (shares.next)
    return h("p", { class: "adds-up" }, t("explain.part_of", { n: digits(shares.items.length), total: all }));
  const fits = same(sum([...shares.items.map((s) => s.amount), alert.remainder]), alert.numerator);
  return h(
    "p",
    { class: "adds-up" },
    h("span", { class: fits ? "tick" : "cross", "aria-hidden": "true" }, fits ? "✓ " : "✗ "),
    t(fits ? "explain.adds_up" : "explain.adds_up_not", { n: digits(shares.items.length), total: all }),
  );
}

function list(alert, shares, entries) {
  const rows = shares.map(({ event, amount }) => {
    const entry = entries.get(event);
    const what = entry ? [entry.document ?? "", h("small", {}, term("kind", entry.kind))] : [event.slice(0, 8)];
    return [
      [entry ? day(entry.effective) : "", "when"],
      h("span", { title: event, "data-value": true }, what),
      [digits(amount), "number"],
    ];
  });
  if (Number(alert.remainder) !== 0) rows.push(["", t("alert.remainder"), [digits(alert.remainder), "number"]]);
  const heads = [t("table.date"), t("table.document"), [alert.currency, "number"]];
  return table({ caption: t("explain.events"), heads, rows, kind: "events" });
}
