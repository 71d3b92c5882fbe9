// What the figures say about themselves: the two times, and who is missing in them.
import { at, h } from "../dom.js";
import { day, instant } from "../format.js";
import { customerLink } from "../names.js";
import { t } from "../words.js";

export function draw(figure) {
  const parked = figure.parked.flatMap((customer, n) => [n ? t("list") : "", customerLink(customer)]);
  at("stated").replaceChildren(
    t("stated", { day: day(figure.as_of), instant: instant(figure.known_at) }),
    figure.provisional ? ` ${t("stated.provisional")}` : "",
    ...(parked.length ? [" ", h("strong", {}, t("stated.parked")), " ", ...parked] : []),
  );
}
