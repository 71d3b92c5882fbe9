// The first page: live alerts, DSO, ageing and tiers of a date. Everything is fetched again when an alert is told;
// nothing is calculated here, and amounts stay the decimal strings they are.
const start = await (await fetch("/console/start")).json();
const token = start.token ?? sessionStorage.getItem("token") ?? ask();
const form = document.querySelector("#point");
const at = (id) => document.getElementById(id);
const panel = (id) => at(id).querySelector("div");
const FIRST_PAUSE = 500, LONGEST_PAUSE = 10_000, BURST = 300, SHOWN = 20;

function ask() {
  const given = prompt("Token 令牌") ?? "";
  sessionStorage.setItem("token", given);
  return given;
}

async function request(path, headers = {}) {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${token}`, ...headers } });
  if (answer.ok) return answer;
  if (answer.status === 401) sessionStorage.removeItem("token");
  throw new Error((await answer.json().catch(() => ({}))).title ?? `${path}: ${answer.status}`);
}

async function figure(name, parameters = {}) {
  const asked = new URLSearchParams(parameters);
  if (form.as_of.value) asked.set("as_of", form.as_of.value);
  if (form.currency.value) asked.set("currency", form.currency.value.toUpperCase());
  return (await request(`/api/analytics/${name}?${asked}`)).json();
}

function element(tag, text, kind) {
  const made = document.createElement(tag);
  made.textContent = text ?? "";
  if (kind) made.className = kind;
  return made;
}

function table(heads, rows, empty) {
  if (!rows.length) return element("p", empty, "unit");
  const made = document.createElement("table");
  const line = (tag, cells) => {
    const row = document.createElement("tr");
    row.append(...cells.map(([text, kind]) => element(tag, text, kind)));
    return row;
  };
  made.append(line("th", heads), ...rows.map((cells) => line("td", cells)));
  return made;
}

function digits(number) {
  const [whole, fraction] = String(number).split(".");
  return whole.replace(/\B(?=(\d{3})+$)/g, ",") + (fraction === undefined ? "" : `.${fraction}`);
}

const money = (amount) => digits(amount.includes(".") ? amount : `${amount}.00`);
const words = (name) => name.replaceAll("_", " ");
const value = (alert) => alert.unit === "days" ? `${digits(alert.value)} days 天` : `${digits(alert.value)} ${alert.unit}`;

async function showAlerts() {
  const { items, next } = await (await request(`/api/analytics/alerts?state=open&limit=${SHOWN}`)).json();
  const rows = items.map((a) => [
    [a.level, a.level], [words(a.rule)], [a.customer ?? "company 公司"], [value(a), "number"], [a.raised_on, "since"],
  ]);
  const heads = [["level"], ["rule"], ["customer"], ["value", "number"], ["since", "since"]];
  panel("alerts").replaceChildren(table(heads, rows, "no open alert 无预警"));
  if (next) panel("alerts").append(element("p", `the newest ${SHOWN} 最新 ${SHOWN} 条`, "unit"));
}

async function showDso() {
  const dso = await figure("dso");
  const { numerator, denominator, factor } = dso.ratio;
  const ratio = `${money(numerator)} owed / ${money(denominator)} billed × ${factor}`;
  const unit = dso.dso === null ? ` ${words(dso.reason)}` : " days 天";
  panel("dso").replaceChildren(
    element("span", dso.dso ?? "–", "big"), element("span", unit, "unit"), element("p", `${ratio} (${dso.currency})`, "unit"),
  );
  at("stated").textContent =
    `as of ${dso.as_of}, known at ${dso.known_at.slice(0, 19).replace("T", " ")} UTC${dso.provisional ? " (provisional)" : ""}` +
    (dso.parked.length ? `, without all of ${dso.parked.join(", ")} (parked)` : "");
}

async function showAgeing() {
  const ageing = await figure("ageing");
  const rows = ageing.buckets.map((b) => [[b.bucket], [money(b.amount), "number"]]);
  rows.push([["outstanding 未收", "sum"], [money(ageing.outstanding), "number sum"]]);
  panel("ageing").replaceChildren(table([["days overdue 逾期天数"], [ageing.currency, "number"]], rows, ""));
}

async function showTiers() {
  const tiers = await figure("tiers", { limit: 10 });
  const members = tiers.members.items.map((m) => [[m.tier], [m.subject], [money(m.amount), "number"]]);
  const counted = Object.entries(tiers.tiers).map(([tier, n]) => `${tier}: ${n}`).join("   ");
  const window = `${tiers.measure} ${tiers.window.first} – ${tiers.window.last}`;
  panel("tiers").replaceChildren(
    element("p", counted, "counts"), element("p", window, "unit"),
    table([["tier"], ["customer"], [tiers.currency, "number"]], members, "no customers 无客户"),
  );
}

// One panel that cannot be shown does not keep the others from it.
async function show() {
  const shown = await Promise.allSettled([showAlerts(), showDso(), showAgeing(), showTiers()]);
  const problems = new Set(shown.filter((s) => s.status === "rejected").map((s) => s.reason.message));
  at("problem").textContent = [...problems].join(" ");
  at("problem").hidden = problems.size === 0;
}

let soon = null;
function showSoon() {
  soon ??= setTimeout(() => { soon = null; show(); }, BURST);
}

function state(english, chinese) {
  at("live").replaceChildren(`${english} `, Object.assign(element("span", chinese), { lang: "zh-CN" }));
}

// EventSource cannot send a token: the stream is read with fetch, and taken up again where it broke off.
async function listen() {
  let last = null, pause = FIRST_PAUSE;
  for (;;) {
    try {
      const stream = await request("/api/analytics/alerts/stream", last ? { "Last-Event-ID": last } : {});
      state("live", "实时");
      pause = FIRST_PAUSE;
      showSoon(); // what was told before the stream was open
      let text = "";
      for await (const chunk of chunks(stream.body)) {
        const events = (text + chunk).split("\n\n");
        text = events.pop();
        for (const event of events) last = /^id: ?(.*)$/m.exec(event)?.[1] ?? last;
        if (events.some((event) => /^data:/m.test(event))) showSoon();
      }
    } catch { /* tried again below */ }
    state("reconnecting", "重新连接");
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

// Not every browser iterates over a stream.
async function* chunks(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

at("docs").replaceChildren(...start.docs.map((d) => Object.assign(element("a", `${d.title} API`), { href: d.href })));
form.addEventListener("submit", (event) => { event.preventDefault(); show(); });
show();
listen();
