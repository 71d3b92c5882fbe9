// The open business day: "today" for every figure.
import { get } from "../api.js";
import { at, h } from "../dom.js";
import { weekday } from "../format.js";
import { t } from "../words.js";

let known = null;

export async function look() {
  known = await get("/api/customers/days").catch(() => known);
  draw();
}

export function draw() {
  if (!known) return;
  const remarks = [known.opened || t("day.clock"), known.went_live || t("day.initial")].filter(
    (remark) => remark !== true,
  );
  at("day").replaceChildren(
    t("day"),
    " ",
    h("strong", {}, weekday(known.today)),
    ...remarks.map((remark) => ` · ${remark}`),
  );
}
