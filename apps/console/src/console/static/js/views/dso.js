// DSO at the end of each of the last twelve months, and today: how long money takes to come in, and whether that grows.
import { figure } from "../api.js";
import { line } from "../chart.js";
import { h, table } from "../dom.js";
import { day, digits, month, monthOfYear } from "../format.js";
import { head } from "../panel.js";
import { to } from "../route.js";
import { t, term } from "../words.js";

const MONTHS = 12,
  AT_ONCE = 4;

export async function load() {
  const now = await figure("dso");
  const ends = monthEnds(now.as_of);
  const before = await inTurn(ends, (as_of) => figure("dso", { as_of }));
  return [...before, now];
}

/** The last days of the months before a day, oldest first. */
export function monthEnds(day) {
  const [year, month] = day.split("-").map(Number);
  return Array.from({ length: MONTHS }, (_, n) =>
    new Date(Date.UTC(year, month - MONTHS + n, 0)).toISOString().slice(0, 10),
  );
}

async function inTurn(items, ask) {
  const found = new Array(items.length),
    left = items.map((item, n) => [item, n]);
  const work = async () => {
    for (let next = left.shift(); next; next = left.shift()) found[next[1]] = await ask(next[0]);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return found;
}

const said = (dso) =>
  dso.dso === null ? term("reason", dso.reason) : `${digits(dso.dso)} ${t("days", { n: dso.dso })}`;
const href = (dso, last) => to("explain/dso", dso === last ? {} : { as_of: dso.as_of });

export function draw(months) {
  const last = months.at(-1);
  const reading = h("output", { class: "reading" });
  const read = (dso) =>
    reading.replaceChildren(h("span", {}, day(dso.as_of)), " ", h("strong", { "data-value": true }, said(dso)));
  read(last);
  const points = months.map((dso) => ({ label: dso.as_of, value: dso.dso === null ? null : Number(dso.dso), dso }));
  const chart = line(points, {
    label: t("dso.chart", {
      from: monthOfYear(months[0].as_of),
      first: said(months[0]),
      to: day(last.as_of),
      last: said(last),
    }),
    tick: (point) => month(point.label),
    pointed: (n) => read(n === null ? last : months[n]),
    chosen: (n) => {
      location.hash = href(months[n], last);
    },
  });
  requestAnimationFrame(chart.draw);
  return [head(t("dso.title"), reading), chart.box, numbers(months, last)];
}

function numbers(months, last) {
  const rows = months
    .toReversed()
    .map((dso) => [
      day(dso.as_of),
      [h("a", { href: href(dso, last), "data-value": true }, said(dso)), "number"],
      [digits(dso.ratio.numerator), "number"],
      [digits(dso.ratio.denominator), "number"],
    ]);
  const heads = [
    t("table.as_of"),
    [t("headline.dso"), "number"],
    [t("dso.owed", { currency: last.currency }), "number"],
    [t("dso.billed", { days: last.ratio.factor }), "number"],
  ];
  return h(
    "details",
    { class: "numbers" },
    h("summary", {}, t("as_table")),
    h(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": t("dso.title") },
      table({ caption: t("dso.title"), heads, rows }),
    ),
  );
}
