// Requests. A token goes with each, problems come back as sentences in the reader's language, and a server that does
// not answer is told from one that refuses.
import { choice } from "./choice.js";
import { language, t } from "./words.js";

const TOKEN = "kehu.token"; // the API descriptions fill it in, too
const TRIES = 4;
const LONGEST_WAIT = 10; // seconds
const watchers = new Set();
let ask = null,
  asking = null;

/** A refusal: `type` and `title` are those of the problem. */
export class Refused extends Error {
  constructor(status, problem, path) {
    super(problem.title ?? t("error.status", { status, path }));
    this.status = status;
    this.type = problem.type ?? "";
  }
}

/** Nobody answered. */
export class Unreachable extends Error {
  constructor() {
    super(t("error.unreachable"));
    this.name = "Unreachable";
  }
}

/** `askForToken(wrong)` resolves to a token once somebody has given one. */
export function identify(token, askForToken) {
  if (token) sessionStorage.setItem(TOKEN, token);
  ask = askForToken;
}

/** `watcher(reachable)` hears of each answer that comes and each that does not. */
export const watch = (watcher) => watchers.add(watcher);
const tell = (reachable) => watchers.forEach((watcher) => watcher(reachable));

/** The response to a GET with the token of this tab. Who is asked to come later comes later. Raises Refused or
 * Unreachable. */
export async function request(path, headers = {}, tries = 1) {
  const token = sessionStorage.getItem(TOKEN) ?? (await askOnce(false));
  const answer = await reach(path, { Authorization: `Bearer ${token}`, "Accept-Language": language, ...headers });
  if (answer.ok) return answer;
  if (answer.status === 401) {
    if (sessionStorage.getItem(TOKEN) === token) sessionStorage.removeItem(TOKEN);
    await askOnce(true);
    return request(path, headers);
  }
  if (answer.status === 429 && tries < TRIES) {
    await later(answer);
    return request(path, headers, tries + 1);
  }
  throw new Refused(answer.status, await answer.json().catch(() => ({})), path);
}

function later(answer) {
  const seconds = Math.min(Number(answer.headers.get("Retry-After")) || 1, LONGEST_WAIT);
  return new Promise((done) => setTimeout(done, seconds * 1000));
}

async function reach(path, headers) {
  try {
    const answer = await fetch(path, { headers });
    tell(true);
    return answer;
  } catch {
    tell(false);
    throw new Unreachable();
  }
}

// Ten requests that are refused at once ask one question.
function askOnce(wrong) {
  const known = sessionStorage.getItem(TOKEN);
  if (known) return known;
  asking ??= ask(wrong).then((token) => {
    sessionStorage.setItem(TOKEN, token);
    asking = null;
    return token;
  });
  return asking;
}

const query = (parameters) => {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return given.length ? `?${new URLSearchParams(given)}` : "";
};

/** The JSON at a path. */
export async function get(path, parameters = {}, headers = {}) {
  return (await request(path + query(parameters), headers)).json();
}

/** A figure at the two times chosen; what is given here goes first. */
export function figure(name, parameters = {}) {
  return get(`/api/analytics/${name}`, { ...choice, ...parameters });
}

/** What is open: needs no token. */
export async function open(path) {
  const answer = await reach(path, {});
  return answer.json();
}
