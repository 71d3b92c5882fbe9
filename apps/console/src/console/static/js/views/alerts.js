// Open alerts, latest news first: how bad, who, why, since when. They are always those of now, whatever day is looked
// at.
import { get } from "../api.js";
import { at, h } from "../dom.js";
import { day, digits, money, percent } from "../format.js";
import { customerLink } from "../names.js";
import { head } from "../panel.js";
import { to } from "../route.js";
import { t, term } from "../words.js";

const FETCHED = 200,
  FEW = 8,
  LEVELS = ["critical", "warning", "notice"];
let seen = null,
  position = null,
  line = "connecting",
  all = false;

/** The stream told something at this position: what is read next must know it. */
export const reach = (next) => {
  position = next;
};

export async function load() {
  const headers = position === null ? {} : { "X-Kehu-Position": `analytics:${position}` };
  return get("/api/analytics/alerts", { state: "open", limit: FETCHED }, headers);
}

/** How the line of the stream stands. */
export function online(state) {
  line = state;
  at("line")?.replaceWith(lineNode());
}

const lineNode = () => h("span", { id: "line", class: `line ${line}` }, t(`line.${line}`));

export function draw({ items: known, next }) {
  const items = known.toSorted((one, other) => other.position - one.position);
  const fresh = items.filter((alert) => seen && !seen.has(key(alert)));
  if (fresh.length) at("announced").textContent = t("alerts.new", { n: fresh.length, text: sentence(fresh[0]) });
  seen = new Set(items.map(key));
  if (!items.length) return [head(t("alerts.title"), lineNode()), h("p", { class: "empty" }, t("alerts.none"))];
  const list = h("ul", { class: "alerts" }),
    more = h("button", {
      type: "button",
      class: "quiet more",
      onclick: () => {
        all = !all;
        fill();
      },
    });
  const fill = () => {
    list.replaceChildren(
      ...(all ? items : items.slice(0, FEW)).map((alert) => item(alert, { fresh: fresh.includes(alert) })),
    );
    more.textContent = t(all ? "alerts.fewer" : "alerts.all", { n: digits(items.length) });
  };
  fill();
  return [
    head(t("alerts.title"), lineNode()),
    counts(items),
    list,
    items.length > FEW && more,
    next && h("p", { class: "unit" }, t("alerts.newest", { n: FETCHED })),
  ];
}

const counts = (items) =>
  h(
    "ul",
    { class: "counts" },
    LEVELS.map((level) => [level, items.filter((a) => a.level === level).length])
      .filter(([, n]) => n)
      .map(([level, n]) => h("li", { class: `badge ${level}` }, digits(n), " ", term("level", level))),
  );

const key = (alert) => `${alert.alert}/${alert.level}`;

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
