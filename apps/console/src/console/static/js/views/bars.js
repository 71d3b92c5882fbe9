// A table whose rows are bars: label, bar, number. It needs no picture beside it, and no table instead of it.
import { h } from "../dom.js";

/** `rows` are { href, label, share (0..1), color, value, note, alarming }; the bar is as long as its share. */
export function bars({ caption, heads, rows, foot = null, kind = "" }) {
  return h(
    "table",
    { class: `bars ${kind}` },
    h("caption", { class: "unseen" }, caption),
    h("colgroup", {}, h("col", { class: "labels" }), h("col"), h("col", { class: "values" })),
    h(
      "thead",
      { class: "unseen" },
      h(
        "tr",
        {},
        heads.map((text) => h("th", { scope: "col" }, text)),
      ),
    ),
    h("tbody", {}, rows.map(row)),
    foot &&
      h(
        "tfoot",
        {},
        h("tr", {}, h("th", { scope: "row" }, foot.label), h("td"), h("td", { class: "number" }, foot.value)),
      ),
  );
}

function row({ href, label, share, color, value, note = null, alarming = false }) {
  return h(
    "tr",
    {},
    h("th", { scope: "row" }, href ? h("a", { href }, label) : label),
    h(
      "td",
      { class: "track" },
      share > 0 && h("span", { class: "bar", style: { "--share": Math.min(1, share), "--color": `var(${color})` } }),
    ),
    h("td", { class: "number" }, note && [h("small", { class: alarming ? "alarming" : null }, note), " "], value),
  );
}
