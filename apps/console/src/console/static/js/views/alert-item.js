// One alert in a list: how bad, who, why, since when.
import { h } from "../dom.js";
import { day, digits, money, percent } from "../format.js";
import { customerLink } from "../names.js";
import { to } from "../route.js";
import { t, term } from "../words.js";

/** One alert; `named` false where it is clear whose it is, `linked` false where its reasons lie beside it. */
export function item(alert, { fresh = false, named = true, linked = true } = {}) {
  return h(
    "li",
    { class: fresh ? "fresh" : null },
    h("span", { class: `badge ${alert.level}` }, term("level", alert.level)),
    h(
      "div",
      {},
      named && h("p", { class: "who" }, alert.customer ? customerLink(alert.customer) : t("company")),
      h("p", {}, sentence(alert)),
      h(
        "p",
        { class: "since" },
        t("alerts.since", { day: day(alert.raised_on) }),
        " ",
        linked && h("a", { href: to(`alert/${alert.alert}`) }, t("why")),
      ),
    ),
  );
}

/** Why there is an alert, in a sentence with the numbers that decided. */
export function sentence(alert) {
  return t(`rule.${alert.rule}`, {
    value: measured(alert.value, alert),
    threshold: measured(alert.threshold, alert),
    n: alert.value,
    amount: alert.currency ? money(alert.numerator, alert.currency) : digits(alert.numerator),
  });
}

function measured(number, alert) {
  if (alert.unit === "share") return percent(number);
  return alert.unit === "days" ? digits(String(Number(number))) : money(number, alert.unit);
}
