// Sums of decimal strings without a rounding: what the page itself adds up, it adds up exactly.

function whole(text, places) {
  const [, sign, digits, fraction = ""] = /^(-?)(\d+)(?:\.(\d*))?$/.exec(text);
  return BigInt(sign + digits + fraction.padEnd(places, "0"));
}

const placesOf = (text) => (text.split(".")[1] ?? "").length;

/** The sum of decimal strings, as a decimal string with as many places as the finest of them. */
export function sum(texts) {
  const places = Math.max(0, ...texts.map(placesOf));
  const total = texts.reduce((before, text) => before + whole(text, places), 0n);
  const digits = (total < 0n ? -total : total).toString().padStart(places + 1, "0");
  const cut = digits.length - places;
  return `${total < 0n ? "-" : ""}${digits.slice(0, cut)}${places ? `.${digits.slice(cut)}` : ""}`;
}

/** Whether two decimal strings are the same number: 1.5 and 1.50 are. */
export function same(one, other) {
  const places = Math.max(placesOf(one), placesOf(other));
  return whole(one, places) === whole(other, places);
}
