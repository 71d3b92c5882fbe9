// Why a figure is what it is: its parts, and the events of one of them, which add up to it exactly.
import { figure } from "../api.js";
import { choice } from "../choice.js";
import { same, sum } from "../decimals.js";
import { h, table } from "../dom.js";
import { day, digits, instant, money } from "../format.js";
import { customerLink } from "../names.js";
import { to } from "../route.js";
import { t, term } from "../words.js";
import { bucket } from "./ageing.js";

const PAGE = 100;
const PART = { balance: "outstanding", ageing: "current", complaints: "open" };
const GROUPED = { complaints: (part) => part === "open" || part === "overdue" || part.startsWith("step_") };

export async function show([name], parameters) {
  const asked = { part: PART[name] ?? "numerator", limit: PAGE, ...parameters };
  const found = await figure(`${name}/explain`, asked);
  return {
    title: t(`explain.${name}`),
    nodes: [
      h("p", { class: "lead" }, about(name, found, parameters)),
      name === "dso" && (await ratio(parameters)),
      parts(name, found, parameters),
      events(name, asked, found),
    ],
  };
}

export function partName(name, part) {
  if (name === "ageing") return bucket(part);
  if (part.startsWith("step_")) return t(`step.${part.slice(5)}`);
  return term(`part.${name}`, part);
}

const amount = (found, text) => (found.currency ? money(text, found.currency) : digits(text));

function about(name, found, { customer }) {
  const known = choice.known_at ? t("explain.known_at", { instant: instant(found.known_at) }) : "";
  return [t("explain.as_of", { day: day(found.as_of) }), known, customer ? [t("list"), customerLink(customer)] : ""];
}

async function ratio({ customer, as_of }) {
  const { dso, reason, ratio: of, currency } = await figure("dso", { customer, as_of });
  if (dso === null) return h("p", {}, term("reason", reason));
  return h(
    "p",
    { class: "ratio" },
    t("explain.ratio", {
      owed: money(of.numerator, currency),
      billed: money(of.denominator, currency),
      days: of.factor,
      dso: digits(dso),
      n: dso,
    }),
  );
}

function parts(name, found, parameters) {
  const worth = found.parts.filter(
    (p) => p.part === found.part || (Number(p.total) !== 0 && (GROUPED[name]?.(p.part) ?? true)),
  );
  return h(
    "ul",
    { class: "parts" },
    worth.map(({ part, total }) =>
      h(
        "li",
        {},
        h(
          "a",
          { href: to(`explain/${name}`, { ...parameters, part }), "aria-current": part === found.part ? "true" : null },
          h("span", {}, partName(name, part)),
          h("strong", { "data-value": true }, amount(found, total)),
        ),
      ),
    ),
  );
}

/** The events of the part, and more of them when asked; once all are there, whether they add up. */
function events(name, asked, first) {
  const total = first.parts.find((p) => p.part === first.part).total;
  const rows = [...first.entries.items];
  const box = h("div", {});
  let next = first.entries.next;

  async function more() {
    const page = await figure(`${name}/explain`, { ...asked, cursor: next });
    rows.push(...page.entries.items);
    next = page.entries.next;
    draw();
  }

  function draw() {
    const button = next && h("button", { type: "button", onclick: more }, t("explain.more"));
    box.replaceChildren(
      h("p", { class: "adds-up" }, ...sumUp()),
      ...(rows.length ? [list(first, rows)] : []),
      ...(button ? [button] : []),
    );
  }

  function sumUp() {
    if (next) return [t("explain.part_of", { n: digits(rows.length), total: amount(first, total) })];
    const fits = same(sum(rows.map((r) => r.amount)), total);
    return [
      h("span", { class: fits ? "tick" : "cross", "aria-hidden": "true" }, fits ? "✓ " : "✗ "),
      t(fits ? "explain.adds_up" : "explain.adds_up_not", { n: digits(rows.length), total: amount(first, total) }),
    ];
  }

  draw();
  return box;
}

function list(found, rows) {
  const heads = [
    t("table.date"),
    t("table.document"),
    t("table.customer"),
    [found.currency ?? t("table.count"), "number"],
    [t("table.recorded"), "wide"],
  ];
  const cells = rows.map((row) => [
    [day(row.effective), "when"],
    [
      [h("span", { "data-value": true }, row.document ?? ""), h("small", {}, term("kind", row.kind))].flat(),
      "what",
    ].map(pack),
    row.customer ? customerLink(row.customer) : "",
    [digits(row.amount), "number"],
    [h("span", { title: `${row.topic} ${row.position} ${row.event}` }, instant(row.recorded)), "wide"],
  ]);
  return h("div", { class: "scroll" }, table({ caption: t("explain.events"), heads, rows: cells, kind: "events" }));
}

const pack = (given) => (Array.isArray(given) ? h("span", {}, given) : given);
