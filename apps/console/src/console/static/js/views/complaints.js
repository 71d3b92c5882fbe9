// Where complaints stand in the seven steps, and which have stood there too long.
import { figure } from "../api.js";
import { h } from "../dom.js";
import { digits } from "../format.js";
import { head } from "../panel.js";
import { to } from "../route.js";
import { t } from "../words.js";
import { bars } from "./bars.js";

export const load = () => figure("complaints", { limit: 1 });

const label = (step) => [h("span", { class: "unit" }, step), " ", t(`step.${step}`)];

export function draw(complaints) {
  const most = Math.max(...complaints.steps.map((s) => s.open)) || 1;
  const rows = complaints.steps.map(({ step, open, overdue }) => ({
    href: to("explain/complaints", { part: `step_${step}` }),
    label: label(step),
    share: open / most,
    color: "--accent",
    value: digits(open),
    note: overdue ? t("complaints.overdue", { n: digits(overdue) }) : null,
    alarming: true,
  }));
  rows.push({
    href: to("explain/complaints", { part: "evaluated" }),
    label: label(7),
    share: 0,
    color: "--accent",
    value: digits(complaints.states.evaluated ?? 0),
  });
  const heads = [t("complaints.step"), t("share"), t("complaints.open")];
  return [
    head(t("complaints.title"), h("small", {}, t("complaints.deadline", { n: complaints.deadline_days }))),
    bars({ caption: t("complaints.title"), heads, rows, kind: "steps" }),
  ];
}
