// Reads documents named on the command line with the official parser; says what is wrong, and exits with 1 if anything is.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const ERROR = 0; // severities: error, warning, information, hint
const parser = new Parser();
let wrong = 0;
for (const path of process.argv.slice(2)) {
  const { document, diagnostics } = await parser.parse(readFileSync(path, "utf8"), { source: path });
  const errors = diagnostics.filter((found) => found.severity === ERROR);
  for (const { path: place, message } of errors) console.log(`${path}: /${place.join("/")}: ${message}`);
  if (document && !errors.length) {
    const counts = ["channels", "operations", "messages"].map((name) => `${document[name]().all().length} ${name}`);
    console.log(`${path}: AsyncAPI ${document.version()}, ${counts.join(", ")}`);
  } else wrong += 1;
}
process.exitCode = wrong ? 1 : 0;
