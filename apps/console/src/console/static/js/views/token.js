// Who asks? On a development machine the page is given a token; elsewhere a person gives one, kept for this tab only.
import { at, h } from "../dom.js";
import { t } from "../words.js";

/** Ask for a token; `wrong` says that the last one was not taken. */
export function askForToken(wrong) {
  const dialog = at("token");
  return new Promise((given) => {
    const input = h("input", {
      type: "password",
      name: "token",
      required: true,
      autocomplete: "off",
      "aria-describedby": "token-meaning",
    });
    const form = h(
      "form",
      { method: "dialog", onsubmit: () => given(input.value.trim()) },
      h("h2", { id: "token-title" }, t("token.title")),
      wrong && h("p", { class: "failed", role: "alert" }, t("token.wrong")),
      h("label", {}, t("token.label"), input),
      h("p", { id: "token-meaning" }, h("small", {}, t("token.meaning"))),
      h("div", { class: "buttons" }, h("button", { class: "strong" }, t("token.go"))),
    );
    dialog.setAttribute("aria-labelledby", "token-title");
    dialog.replaceChildren(form);
    dialog.oncancel = (event) => event.preventDefault();
    if (!dialog.open) dialog.showModal();
  });
}
