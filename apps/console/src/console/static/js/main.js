// The page: what it begins with, when it looks again, and what a person may choose.
import * as api from "./api.js";
import { listen as onChoice } from "./choice.js";
import { at, h } from "./dom.js";
import { openBy } from "./drawer.js";
import { listen as onStream } from "./live.js";
import { notice } from "./notices.js";
import { panel } from "./panel.js";
import { keep, language, preferred, speak, t, term } from "./words.js";
import * as ageing from "./views/ageing.js";
import * as alert from "./views/alert.js";
import * as alerts from "./views/alerts.js";
import * as complaints from "./views/complaints.js";
import * as customer from "./views/customer.js";
import * as day from "./views/day.js";
import * as dso from "./views/dso.js";
import * as empty from "./views/empty.js";
import * as explain from "./views/explain.js";
import * as find from "./views/find.js";
import * as headline from "./views/headline.js";
import * as limits from "./views/limits.js";
import * as loading from "./views/loading.js";
import * as moment from "./views/moment.js";
import * as scheme from "./views/scheme.js";
import * as stated from "./views/stated.js";
import * as system from "./views/system.js";
import * as tiers from "./views/tiers.js";
import { askForToken } from "./views/token.js";

const LOOK = 4_000,
  SOON = 400,
  CALM = 3_000,
  PROGRESS = 1_000;

const start = await api.open("/console/start");
await speak(preferred(start.language));
api.identify(start.token, askForToken);

const views = { headline, alerts, dso, ageing, tiers, complaints, system };
const panels = Object.fromEntries(Object.entries(views).map(([id, view]) => [id, panel(at(id), view, refused)]));
const figures = ["headline", "ageing", "tiers", "complaints", "dso"];
const languages = document.querySelectorAll("[data-language]"); // the one not spoken is offered
const drawer = openBy({
  explain: explain.show,
  alert: alert.show,
  find: find.show,
  limits: limits.show,
  customer: customer.show,
});

function refused(error) {
  if (error.type?.endsWith("/name-a-currency")) moment.askForCurrency();
}

async function show() {
  const [head] = await Promise.all([...figures.map((id) => panels[id].refresh()), empty.look()]);
  if (head) stated.draw(head.dso);
}

// Anything may have changed: figures are asked for again, soon, but not again and again.
let due = null,
  looked = 0;
function showSoon() {
  due ??= setTimeout(
    () => {
      due = null;
      looked = Date.now();
      show();
      day.look();
    },
    Math.max(SOON, looked + CALM - Date.now()),
  );
}

let heads = null;
async function look() {
  const health = document.hidden ? null : await panels.system.refresh();
  if (!health) return;
  if (heads !== null && heads !== system.heads(health)) showSoon();
  heads = system.heads(health);
}

function heard({ id }) {
  alerts.reach(id);
  panels.alerts.refresh();
}

function online(state) {
  alerts.online(state);
  if (state === "live") panels.alerts.refresh(); // what was told before the stream was open
}

async function progress() {
  const state = await loading.look(start.progress);
  if (state.finished) showSoon();
  setTimeout(progress, state.busy ? PROGRESS : LOOK);
}

function draw() {
  scheme.draw();
  moment.draw();
  day.draw();
  empty.draw();
  for (const button of languages) button.hidden = button.dataset.language === language;
  at("docs").replaceChildren(
    ...start.docs.map((d) => h("a", { href: d.href }, t("docs.of", { service: term("service", d.name) }))),
    h("a", { href: "asyncapi" }, t("docs.topics")),
  );
  Object.values(panels).forEach((it) => it.redraw());
}

for (const button of languages) {
  button.addEventListener("click", async () => {
    keep(button.dataset.language);
    await speak(button.dataset.language);
    draw();
    drawer.redraw();
    show();
  });
}
scheme.begin(draw);
moment.begin();
onChoice(() => {
  moment.draw();
  show();
  drawer.redraw();
});
api.watch((reachable) => notice("server", reachable ? null : "critical", h("span", {}, t("error.gone"))));
draw();
show();
panels.alerts.refresh();
day.look();
look();
setInterval(look, LOOK);
document.addEventListener("visibilitychange", look);
if (start.progress) progress();
onStream("/api/analytics/alerts/stream", heard, online);
