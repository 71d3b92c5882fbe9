// How far the demo company is, while its history comes in.
import { open } from "../api.js";
import { h } from "../dom.js";
import { digits } from "../format.js";
import { notice } from "../notices.js";
import { t } from "../words.js";

let before = false;

/** Look at the progress told at `path`: whether it goes on, and whether it has just finished. */
export async function look(path) {
  const found = await open(path).catch(() => null);
  if (!found) return { busy: before, finished: false };
  const busy = found.state === "loading" || found.state === "moving";
  const finished = before && !busy;
  before = busy;
  draw(found, busy);
  return { busy, finished };
}

function draw(found, busy) {
  if (found.problem)
    return notice("loading", "critical", h("span", {}, t("loading.problem", { problem: found.problem })));
  if (!busy || !found.total) return notice("loading", null);
  const counted = { done: digits(found.done), total: digits(found.total) };
  return notice(
    "loading",
    "",
    h(
      "span",
      {},
      t(`loading.${found.state}`, counted),
      found.seconds_left === null ? "" : ` ${t("loading.left", { n: Math.ceil(found.seconds_left) })}`,
    ),
    h("progress", { max: found.total, value: found.done, "aria-label": t("loading.progress") }),
  );
}
