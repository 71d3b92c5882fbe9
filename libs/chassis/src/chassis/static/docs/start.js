// Swagger UI over the description beside this page. It asks nobody else: no validator, no query that leads elsewhere.
// A token the console has in this tab is filled in; "Authorize" takes any other.
const LAST = ["events", "intake", "operations"]; // what every service has, behind what only this one does
const place = (tag) => LAST.indexOf(tag);

const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  queryConfigEnabled: false,
  tagsSorter: (one, other) => place(one) - place(other),
  validatorUrl: null,
  onComplete() {
    document.title = ui.specSelectors.info().get("title");
    const token = sessionStorage.getItem("kehu.token");
    if (token) ui.preauthorizeApiKey("HTTPBearer", token);
  },
});
