// Numbers, money and dates as the reader's language writes them. Amounts stay the decimal strings they are: Intl
// formats a string exactly, however many digits it has.
import { language } from "./words.js";

const made = new Map();
function kept(kind, options) {
  const key = `${language}${kind.name}${JSON.stringify(options)}`;
  if (!made.has(key)) made.set(key, new kind(language, options));
  return made.get(key);
}
const places = (text) => (String(text).split(".")[1] ?? "").length;

/** 1234.50 -> 1,234.50: the digits as they are, grouped. */
export function digits(text) {
  const fraction = places(text);
  return kept(Intl.NumberFormat, { minimumFractionDigits: fraction, maximumFractionDigits: fraction }).format(text);
}

/** With its currency: $1,234.50. */
export const money = (text, currency) =>
  moneyParts(text, currency)
    .map((part) => part.value)
    .join("");

/** The same in parts, for those that are set smaller. */
export function moneyParts(text, currency) {
  const fraction = places(text);
  const options = { style: "currency", currency, minimumFractionDigits: fraction, maximumFractionDigits: fraction };
  return kept(Intl.NumberFormat, currency ? options : { minimumFractionDigits: fraction }).formatToParts(text);
}

/** A share as percent: 0.3125 -> 31.3 %. */
export const percent = (share) =>
  kept(Intl.NumberFormat, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(share);

/** Business dates are dates, not instants: no time zone may move them. */
const noon = (date) => new Date(`${date}T12:00:00Z`);
export const day = (date) => kept(Intl.DateTimeFormat, { dateStyle: "medium", timeZone: "UTC" }).format(noon(date));
const ONE_DAY = { weekday: "short", year: "numeric", month: "short", day: "numeric", timeZone: "UTC" };
export const weekday = (date) => kept(Intl.DateTimeFormat, ONE_DAY).format(noon(date));
export const month = (date) => kept(Intl.DateTimeFormat, { month: "short", timeZone: "UTC" }).format(noon(date));
export const monthOfYear = (date) =>
  kept(Intl.DateTimeFormat, { month: "short", year: "numeric", timeZone: "UTC" }).format(noon(date));
export const instant = (text) =>
  kept(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "short" }).format(new Date(text));

/** Whole days from one business date to another. */
export const daysBetween = (first, last) => Math.round((noon(last) - noon(first)) / 86_400_000);
