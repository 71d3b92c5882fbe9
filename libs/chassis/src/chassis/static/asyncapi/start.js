// The page over the document beside it. The official parser compiles schemas into code, which our
// Content-Security-Policy forbids: the build server has parsed the document, here references are only followed.
const answer = await fetch("asyncapi.json");
const source = await answer.json();

const at = (reference) =>
  reference.slice(2).split("/").reduce((part, key) => part[key.replaceAll("~1", "/").replaceAll("~0", "~")], source);

// The same part for the same reference: parts are compared by what they are.
const followed = new Map();
const target = (part) => (typeof part.$ref === "string" && part.$ref.startsWith("#/") ? target(at(part.$ref)) : part);
const follow = (part) => {
  if (part === null || typeof part !== "object") return part;
  const meant = target(part);
  if (!followed.has(meant)) {
    const copy = Array.isArray(meant) ? [] : {};
    followed.set(meant, copy);
    for (const [key, value] of Object.entries(meant)) copy[key] = follow(value);
  }
  return followed.get(meant);
};

const schema = { ...follow(source), "x-parser-spec-parsed": true, "x-parser-api-version": 3 };
document.title = source.info.title;
// Each message stands with its operation; once more at the end, it would double the time to show the page.
const show = { sidebar: true, errors: true, messages: false, schemas: false };
AsyncApiStandalone.render(
  { schema, config: { show, sidebar: { showOperations: "byDefault" } } },
  document.getElementById("asyncapi"),
);
