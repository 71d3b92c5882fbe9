// Whether everything is in step: services, and how far what is read here lies behind what was written.
import { open } from "../api.js";
import { h } from "../dom.js";
import { digits } from "../format.js";
import { head } from "../panel.js";
import { t, term } from "../words.js";

const DAY = 86_400; // an age above it is that of imported history, not of a delay

export const load = () => open("/health/ready");

export function draw({ services }) {
  const calm = Object.values(services).every((found) => !troublesOf(found).length);
  return [
    head(t("system.title"), calm && h("span", { class: "unit" }, t("system.in_step"))),
    h("ul", { class: "services" }, Object.entries(services).map(service)),
  ];
}

function service([name, found]) {
  const troubles = troublesOf(found);
  return h(
    "li",
    {},
    h("span", { class: `dot ${found.store === "up" ? (troubles.length ? "behind" : "up") : "down"}` }),
    h("strong", {}, term("service", name)),
    h("span", { class: "unit" }, found.position === null ? "" : t("system.events", { n: digits(found.position) })),
    troubles.length > 0 && h("span", { class: "trouble" }, troubles.join(t("list"))),
  );
}

function troublesOf({ store, consumers, broken_timers: broken, halted }) {
  if (store !== "up") return [t("system.down")];
  const each = Object.values(consumers);
  const behind = Math.max(0, ...each.map((c) => c.events)),
    seconds = Math.max(0, ...each.map((c) => c.seconds));
  const parked = each.reduce((before, c) => before + c.parked, 0);
  return [
    behind &&
      t(seconds < DAY ? "system.behind.seconds" : "system.behind", {
        n: digits(behind),
        seconds: digits(Math.round(seconds)),
      }),
    parked && t("system.parked", { n: digits(parked) }),
    broken && t("system.timers", { n: digits(broken) }),
    halted.length && t("system.halted", { n: digits(halted.length) }),
  ].filter(Boolean);
}

/** The positions of all stores: they move when anything happens anywhere. */
export const heads = ({ services }) =>
  Object.values(services)
    .map((s) => s.position)
    .join();
