// Swagger UI over the description beside this page. It asks nobody else: no validator, no query that leads elsewhere.
// A token the console has in this tab is filled in; "Authorize" takes any other.
const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  queryConfigEnabled: false,
  validatorUrl: null,
  onComplete() {
    document.title = ui.specSelectors.info().get("title");
    const token = sessionStorage.getItem("kehu.token");
    if (token) ui.preauthorizeApiKey("HTTPBearer", token);
  },
});
