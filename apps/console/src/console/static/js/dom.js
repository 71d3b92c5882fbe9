// Elements. Whatever is said becomes a text node, never markup: a name with tags in it is shown as it is written.

export const at = (id) => document.getElementById(id);

/** An element: h("a", { href: "#/x", class: "quiet", onclick: f, style: { "--share": .5 } }, "text", another, null). */
export function h(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) give(made, name, value);
  made.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return made;
}

function give(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
  else if (name === "style")
    for (const [property, to] of Object.entries(value)) element.style.setProperty(property, to);
  else element.setAttribute(name, value === true ? "" : value);
}

/** A text for those who listen instead of looking. */
export const unseen = (text) => h("span", { class: "unseen" }, text);

/** A table: heads and rows are lists of cells; a cell is text, a node, or [text or node, class]. The first cell of a
 * row is its head. */
export function table({ caption, heads, rows, kind = "" }) {
  const cell = (tag, scope) => (given) => {
    const [content, css] = Array.isArray(given) ? given : [given, null];
    return h(tag, { class: css, scope }, content);
  };
  return h(
    "table",
    { class: kind },
    h("caption", { class: "unseen" }, caption),
    h("thead", {}, h("tr", {}, heads.map(cell("th", "col")))),
    h(
      "tbody",
      {},
      rows.map(([first, ...rest]) => h("tr", {}, cell("th", "row")(first), rest.map(cell("td", null)))),
    ),
  );
}
