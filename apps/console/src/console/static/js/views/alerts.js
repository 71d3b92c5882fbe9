// Open alerts: those of the latest day first, of a day the worst, and of these the latest news. They are always those
// of now, whatever day is looked at.
import { get } from "../api.js";
import { at, h } from "../dom.js";
import { digits } from "../format.js";
import { head } from "../panel.js";
import { t, term } from "../words.js";
import { item, sentence } from "./alert-item.js";

const FETCHED = 200;
const FEW = matchMedia("(max-width: 44rem)").matches ? 4 : 8;
const LEVELS = ["critical", "warning", "notice"];

let position = null; // of the last thing the stream told: what is read next must know it
let line = "connecting";
let seen = null; // what was shown before; anything else is new
let all = false; // shown, not only the first few
let only = null; // a level

export const reach = (told) => {
  position = told;
};

export async function load() {
  const headers = position === null ? {} : { "X-Kehu-Position": `analytics:${position}` };
  return get("/api/analytics/alerts", { state: "open", limit: FETCHED }, headers);
}

/** How the line of the stream stands. */
export function online(state) {
  line = state;
  at("line")?.replaceWith(lineNode());
}

const lineNode = () => h("span", { id: "line", class: `line ${line}` }, t(`line.${line}`));

export function draw({ items: known, next }) {
  const items = known.toSorted(before);
  const fresh = items.filter((alert) => seen && !seen.has(key(alert)));
  if (fresh.length) at("announced").textContent = t("alerts.new", { n: fresh.length, text: sentence(fresh[0]) });
  seen = new Set(items.map(key));
  const title = head(t("alerts.title"), lineNode());
  if (!items.length) return [title, h("p", { class: "empty" }, t("alerts.none"))];
  return [title, list(items, fresh), next && h("p", { class: "unit" }, t("alerts.newest", { n: FETCHED }))];
}

function before(one, other) {
  if (one.raised_on !== other.raised_on) return one.raised_on < other.raised_on ? 1 : -1;
  return LEVELS.indexOf(one.level) - LEVELS.indexOf(other.level) || other.position - one.position;
}

const key = (alert) => `${alert.alert}/${alert.level}`;

/** The list with what narrows it: a level, the first few. */
function list(items, fresh) {
  const shown = h("ul", { class: "alerts" });
  const more = button("quiet more", () => {
    all = !all;
  });
  const levels = LEVELS.map((level) => [level, items.filter((alert) => alert.level === level).length])
    .filter(([, n]) => n)
    .map(([level, n]) => {
      const chosen = () => {
        only = only === level ? null : level;
      };
      return [level, button(`badge ${level}`, chosen, digits(n), " ", term("level", level))];
    });

  function button(kind, change, ...content) {
    const onclick = () => {
      change();
      fill();
    };
    return h("button", { type: "button", class: kind, onclick }, ...content);
  }

  function fill() {
    const found = items.filter((alert) => only === null || alert.level === only);
    const few = all ? found : found.slice(0, FEW);
    shown.replaceChildren(...few.map((alert) => item(alert, { fresh: fresh.includes(alert) })));
    more.textContent = t(all ? "alerts.fewer" : "alerts.all", { n: digits(found.length) });
    more.hidden = found.length <= FEW;
    for (const [level, choice] of levels) choice.setAttribute("aria-pressed", only === level);
  }

  if (!levels.some(([level]) => level === only)) only = null;
  fill();
  const group = h(
    "div",
    { class: "counts", role: "group", "aria-label": t("alerts.levels") },
    levels.map(([, choice]) => choice),
  );
  return [group, shown, more];
}
