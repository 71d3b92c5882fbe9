// The four numbers of the day, each a link to the events that add up to it.
import { figure } from "../api.js";
import { h } from "../dom.js";
import { digits, moneyParts } from "../format.js";
import { to } from "../route.js";
import { t, term } from "../words.js";

export const load = async () => {
  const [balance, ageing, dso, limits, complaints] = await Promise.all([
    figure("balance"),
    figure("ageing"),
    figure("dso"),
    figure("limits", { limit: 1 }),
    figure("complaints", { limit: 1 }),
  ]);
  return { balance, ageing, dso, limits, complaints };
};

export function draw({ balance, ageing, dso, limits, complaints }) {
  const current = ageing.buckets.find((b) => b.bucket === "current").amount;
  const due = h("span", { "data-value": true }, amount(current, balance.currency));
  return [
    stat(to("explain/balance"), t("headline.outstanding"), amount(balance.outstanding, balance.currency), [
      due,
      " ",
      t("headline.not_due"),
    ]),
    dso.dso === null
      ? stat(to("explain/dso"), t("headline.dso"), "–", term("reason", dso.reason))
      : stat(
          to("explain/dso"),
          t("headline.dso"),
          [digits(dso.dso), unit(t("days", { n: dso.dso }))],
          t("headline.dso.window", { days: dso.ratio.factor }),
        ),
    stat(
      to("limits"),
      t("headline.breaches"),
      digits(limits.breaches),
      t("headline.breaches.of", { n: limits.with_limit }),
      limits.breaches > 0 && "value",
    ),
    stat(
      to("explain/complaints", { part: "open" }),
      t("headline.complaints"),
      digits(complaints.open),
      t("headline.complaints.overdue", { n: complaints.overdue }),
      complaints.overdue > 0 && "note",
    ),
  ];
}

const unit = (text) => h("span", { class: "unit" }, ` ${text}`);
const amount = (text, currency) =>
  moneyParts(text, currency).map((part) =>
    ["decimal", "fraction"].includes(part.type) ? h("span", { class: "fraction" }, part.value) : part.value,
  );

function stat(href, label, value, note, alarming = null) {
  return h(
    "a",
    { href, class: "stat" },
    h("span", { class: "label" }, label),
    h("span", { class: alarming === "value" ? "value alarming" : "value" }, value),
    h("span", { class: alarming === "note" ? "note alarming" : "note" }, note),
  );
}
