// The stream of alerts. EventSource cannot send a token, so it is read with fetch, and taken up again where it broke
// off.
import { request } from "./api.js";

const FIRST_PAUSE = 500,
  LONGEST_PAUSE = 5_000;

/** Listen for ever. `heard({ id, event, data })` for each event, `state("live" | "reconnecting")` as the line goes. */
export async function listen(path, heard, state) {
  let last = null,
    pause = FIRST_PAUSE;
  for (;;) {
    try {
      const stream = await request(path, last === null ? {} : { "Last-Event-ID": last });
      state("live");
      pause = FIRST_PAUSE;
      for await (const event of events(stream.body)) {
        last = event.id ?? last;
        heard(event);
      }
    } catch {
      /* tried again below */
    }
    state("reconnecting");
    await new Promise((done) => setTimeout(done, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE);
  }
}

// Not every browser iterates over a stream.
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    const frames = (text + read.value).split("\n\n");
    text = frames.pop();
    for (const frame of frames) {
      const event = parsed(frame);
      if (event.data) yield { ...event, data: JSON.parse(event.data) };
    }
  }
}

function parsed(frame) {
  const found = {};
  for (const line of frame.split("\n")) {
    const [, name, value] = /^(\w+): ?(.*)$/.exec(line) ?? [];
    if (name) found[name] = name === "data" && found.data ? `${found.data}\n${value}` : value;
  }
  return found;
}
