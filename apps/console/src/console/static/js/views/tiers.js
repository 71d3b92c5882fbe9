// Which customers matter most: ABC by cumulative share of sales, and the largest of them.
import { figure } from "../api.js";
import { h, unseen } from "../dom.js";
import { day, digits, percent } from "../format.js";
import { customerLink } from "../names.js";
import { head } from "../panel.js";
import { to } from "../route.js";
import { t, term } from "../words.js";

const LARGEST = 5,
  TIERS = ["A", "B", "C"];

export const load = () => figure("tiers", { limit: LARGEST });

export function draw(tiers) {
  const window = h(
    "small",
    {},
    t("tiers.window", {
      measure: term("measure", tiers.measure),
      from: day(tiers.window.first),
      to: day(tiers.window.last),
    }),
  );
  const total = Number(tiers.total);
  if (!(total > 0)) return [head(t("tiers.title")), h("p", { class: "empty" }, t("tiers.none"))];
  const shares = TIERS.map((tier) => ({
    tier,
    n: tiers.tiers[tier] ?? 0,
    share: Number(tiers.amounts.find((a) => a.tier === tier)?.amount ?? 0) / total,
  }));
  return [head(t("tiers.title"), window), stack(shares), legend(shares), largest(tiers)];
}

const stack = (shares) =>
  h(
    "div",
    { class: "stack", "aria-hidden": "true" },
    shares
      .filter((s) => s.share > 0)
      .map((s) => h("span", { style: { "--share": s.share, "--color": `var(--tier-${s.tier})` } })),
  );

const legend = (shares) =>
  h(
    "ul",
    { class: "legend" },
    shares.map(({ tier, n, share }) =>
      h(
        "li",
        { style: { "--color": `var(--tier-${tier})` } },
        h("strong", {}, unseen(t("tiers.tier")), tier),
        " ",
        percent(share),
        h("small", {}, t("tiers.customers", { n: digits(n) })),
      ),
    ),
  );

const largest = (tiers) =>
  h(
    "ol",
    { class: "ranking" },
    tiers.members.items.map((member) =>
      h(
        "li",
        {},
        h("span", { class: `tier tier-${member.tier}` }, member.tier),
        customerLink(member.subject),
        h(
          "a",
          { class: "number", href: to("explain/tiers", { customer: member.subject }), "data-value": true },
          digits(member.amount),
        ),
      ),
    ),
  );
