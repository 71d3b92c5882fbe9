// DSO at the end of each of the last months, and today: how long money takes to come in, whether that grows, and how
// long it would take if everybody paid when it is due.
import { figure } from "../api.js";
import { lines } from "../chart.js";
import { h, table } from "../dom.js";
import { day, digits, month, monthOfYear } from "../format.js";
import { head } from "../panel.js";
import { to } from "../route.js";
import { t, term } from "../words.js";

const MONTHS = 13;

export const load = () => figure("dso/trend", { months: MONTHS });

const inDays = (ratio) =>
  ratio.value === null ? term("reason", ratio.reason) : `${digits(ratio.value)} ${t("days", { n: ratio.value })}`;
const number = (ratio) => (ratio.value === null ? null : Number(ratio.value));

export function draw(trend) {
  const months = trend.points.items;
  if (!months.length) return [head(t("dso.title")), h("p", { class: "empty" }, t("dso.none"))];
  const last = months.at(-1);
  const reading = h("output", { class: "reading" });
  const read = (point) => reading.replaceChildren(...told(point));
  const href = (point) => to("explain/dso", point === last ? {} : { as_of: point.last });
  read(last);
  const chart = lines(
    months.map((point) => month(point.last)),
    [
      { color: "--accent", values: months.map((point) => number(point.dso)) },
      { color: "--unallocated", values: months.map((point) => number(point.best_possible)), dashed: true },
    ],
    {
      label: sentence(months[0], last),
      pointed: (n) => read(n === null ? last : months[n]),
      chosen: (n) => {
        location.hash = href(months[n]);
      },
    },
  );
  requestAnimationFrame(chart.draw);
  return [head(t("dso.title"), reading), chart.box, numbers(trend, months, href)];
}

const told = (point) => [
  h("span", {}, day(point.last)),
  " ",
  h("strong", { class: "line-dso" }, inDays(point.dso)),
  " ",
  h("span", { class: "line-best" }, t("dso.best_possible", { days: inDays(point.best_possible) })),
];

const sentence = (first, last) =>
  t("dso.chart", {
    from: monthOfYear(first.last),
    first: inDays(first.dso),
    to: day(last.last),
    last: inDays(last.dso),
    best: inDays(last.best_possible),
  });

function numbers(trend, months, href) {
  const rows = months
    .toReversed()
    .map((point) => [
      day(point.last),
      [h("a", { href: href(point) }, inDays(point.dso)), "number"],
      [inDays(point.best_possible), "number"],
      [digits(point.dso.numerator), "number"],
      [digits(point.dso.denominator), "number"],
    ]);
  const heads = [
    t("table.as_of"),
    [t("headline.dso"), "number"],
    [t("dso.best"), "number"],
    [t("dso.owed", { currency: trend.currency }), "number"],
    [t("dso.billed", { days: trend.days }), "number"],
  ];
  const scroll = { class: "scroll", tabindex: 0, role: "region", "aria-label": t("dso.title") };
  return h(
    "details",
    { class: "numbers" },
    h("summary", {}, t("as_table")),
    h("div", scroll, table({ caption: t("dso.title"), heads, rows })),
  );
}
