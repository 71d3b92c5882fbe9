// How old the receivables are, by days overdue.
import { figure } from "../api.js";
import { h } from "../dom.js";
import { digits } from "../format.js";
import { head } from "../panel.js";
import { to } from "../route.js";
import { t } from "../words.js";
import { bars } from "./bars.js";

export const load = () => figure("ageing");

export const bucket = (name) =>
  ["current", "unallocated"].includes(name)
    ? t(`bucket.${name}`)
    : t("bucket.days", { days: name.replace("-", "–").replace(">", "> ") });

export function draw(ageing, customer = undefined) {
  const sizes = ageing.buckets.map((b) => Math.abs(Number(b.amount)));
  const most = Math.max(...sizes) || 1;
  const shown = ageing.buckets.filter((b) => b.bucket !== "unallocated" || Number(b.amount) !== 0);
  const rows = shown.map((b, n) => ({
    href: to("explain/ageing", { part: b.bucket, customer }),
    label: bucket(b.bucket),
    share: sizes[n] / most,
    color: b.bucket === "unallocated" ? "--unallocated" : `--age-${Math.min(n, 5)}`,
    value: digits(b.amount),
  }));
  const heads = [t("ageing.overdue"), t("share"), ageing.currency];
  return [
    head(t("ageing.title"), h("small", {}, t("ageing.unit", { currency: ageing.currency }))),
    bars({
      caption: t("ageing.title"),
      heads,
      rows,
      foot: { label: t("headline.outstanding"), value: digits(ageing.outstanding) },
    }),
  ];
}
