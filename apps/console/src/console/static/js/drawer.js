// The sheet at the side: an explanation, a customer. What it shows is in the address; closing it goes back to the page.
import { at, h } from "./dom.js";
import { follow, leave } from "./route.js";
import { t } from "./words.js";

const drawer = at("drawer");
const title = h("h2", { id: "drawer-title" });
const close = h("button", { type: "button", class: "quiet close", onclick: () => drawer.close() }, "×");
const body = h("div", { class: "body" });
let asked = 0;
let last = null;

/** `views` maps the first word of a place to `show(place, parameters) -> { title, nodes }`. */
export function openBy(views) {
  drawer.append(h("div", { class: "bar-top" }, title, close), body);
  drawer.addEventListener("close", leave);
  drawer.addEventListener("click", (event) => {
    if (event.target === drawer) drawer.close();
  });
  const go = (route) => {
    last = route;
    const view = views[route.place[0]];
    if (view) show(view, route);
    else if (drawer.open) drawer.close();
  };
  follow(go);
  return { redraw: () => go(last) };
}

// The button to close it stays where it is, and so does the focus.
async function show(view, { place, parameters }) {
  const mine = ++asked;
  close.setAttribute("aria-label", t("close"));
  fill(t("waiting"), h("div", { class: "skeleton" }, h("span"), h("span"), h("span")));
  if (!drawer.open) drawer.showModal();
  try {
    const found = await view(place.slice(1), parameters);
    if (mine === asked) fill(found.title, found.nodes);
  } catch (error) {
    if (mine === asked) fill(t("error.title"), h("p", { class: "failed" }, error.message));
  }
}

function fill(name, nodes) {
  title.replaceChildren(name);
  body.replaceChildren(...[nodes].flat(Infinity).filter(Boolean));
  drawer.scrollTop = 0;
}
