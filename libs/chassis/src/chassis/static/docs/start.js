// Swagger UI over the description beside this page. It asks nobody else: no validator, no query that leads elsewhere.
// A token the console has in this tab is filled in; "Authorize" takes any other.
const LAST = ["events", "intake", "operations"]; // what every service has, behind what only this one does
const place = (tag) => LAST.indexOf(tag);
const EXAMPLE = /^example-\d+$/; // what the page fills in, the same for everybody: sent twice, it would be a repetition

// A key nobody has used; randomUUID would need https.
const fresh = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (n) => n.toString(16).padStart(2, "0")).join("");

const ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#swagger-ui",
  deepLinking: true,
  displayRequestDuration: true,
  docExpansion: "list",
  filter: true,
  queryConfigEnabled: false,
  tagsSorter: (one, other) => place(one) - place(other),
  requestInterceptor(request) {
    const key = "Idempotency-Key";
    if (EXAMPLE.test(request.headers?.[key] ?? "")) request.headers[key] = fresh();
    return request;
  },
  validatorUrl: null,
  onComplete() {
    document.title = ui.specSelectors.info().get("title");
    const token = sessionStorage.getItem("kehu.token");
    if (token) ui.preauthorizeApiKey("HTTPBearer", token);
  },
});
