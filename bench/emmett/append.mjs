// Durable appends of one event with an expected version: `node append.mjs URL WRITERS SECONDS STREAM_LENGTH`, bodies on
// stdin as a JSON array. Prints one JSON object: how many, in how many seconds, and how long each took.
import { readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { getPostgreSQLEventStore } from '@event-driven-io/emmett-postgresql';

const [url, writers, seconds, length] = process.argv.slice(2);
const bodies = JSON.parse(readFileSync(0, 'utf8'));
const store = getPostgreSQLEventStore(url);
await store.schema.migrate();

async function writer(number, end, latencies) {
  let stream = `payment-${randomUUID()}`;
  let version = 0n;
  let turn = number;
  for (let began; (began = performance.now()) < end; turn += 1) {
    if (version === BigInt(length)) [stream, version] = [`payment-${randomUUID()}`, 0n];
    const event = { type: 'PaymentReceived', data: bodies[turn % bodies.length] };
    const expected = { expectedStreamVersion: version === 0n ? 'STREAM_DOES_NOT_EXIST' : version };
    version = (await store.appendToStream(stream, [event], expected)).nextExpectedStreamVersion;
    latencies.push((performance.now() - began) / 1000);
  }
}

async function timed(duration) {
  const latencies = [];
  const began = performance.now();
  const end = began + duration * 1000;
  await Promise.all(Array.from({ length: Number(writers) }, (_, n) => writer(n, end, latencies)));
  return { done: latencies.length, seconds: (performance.now() - began) / 1000, latencies };
}

await timed(Number(seconds) / 4);
console.log(JSON.stringify(await timed(Number(seconds))));
await store.close();
