// Which day is looked at, and what was known then: the two times of every figure.
import { choice, choose, past } from "../choice.js";
import { at, h } from "../dom.js";
import { day, instant } from "../format.js";
import { notice } from "../notices.js";
import { t } from "../words.js";

const form = at("moment");

export function begin() {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const known = form.known_at.value ? new Date(form.known_at.value).toISOString() : "";
    choose({ as_of: form.as_of.value, known_at: known, currency: form.currency.value.toUpperCase() });
    form.hidePopover();
  });
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    now();
  });
  form.addEventListener("toggle", (event) => {
    if (event.newState === "open") fill();
  });
}

const now = () => {
  choose({ as_of: "", known_at: "" });
  form.hidePopover();
};

function fill() {
  form.as_of.value = choice.as_of;
  form.known_at.value = choice.known_at ? local(new Date(choice.known_at)) : "";
  form.currency.value = choice.currency;
}

// What datetime-local wants: the reader's own clock.
const local = (date) => new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);

/** Several currencies are not added: once the API has asked for one, so does the page. */
export function askForCurrency() {
  at("currency").hidden = false;
  if (!form.matches(":popover-open")) form.showPopover();
}

export function draw() {
  at("moment-button").textContent = t(past() ? "moment.button.past" : "moment.button", {
    day: choice.as_of ? day(choice.as_of) : t("moment.today"),
  });
  if (!past()) return notice("moment", null);
  const words = [
    choice.as_of && t("moment.notice.as_of", { day: day(choice.as_of) }),
    choice.known_at && t("moment.notice.known_at", { instant: instant(choice.known_at) }),
  ]
    .filter(Boolean)
    .join(t("list"));
  return notice(
    "moment",
    "warning",
    h("span", {}, words, t("moment.notice.alerts")),
    h("button", { type: "button", onclick: now }, t("moment.now")),
  );
}
