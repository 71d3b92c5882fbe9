// A projection built anew: `node rebuild.mjs URL EVENTS`, bodies on stdin as a JSON array. The log is filled first, which
// is not timed. Prints one JSON object: how many events were folded in how many seconds.
import { readFileSync } from 'node:fs';
import {
  getPostgreSQLEventStore,
  pongoSingleStreamProjection,
  rebuildPostgreSQLProjections,
} from '@event-driven-io/emmett-postgresql';

const PER_APPEND = 100;
const [url] = process.argv.slice(2);
const bodies = JSON.parse(readFileSync(0, 'utf8'));
const store = getPostgreSQLEventStore(url);
await store.schema.migrate();
for (let start = 0; start < bodies.length; start += PER_APPEND) {
  const events = bodies.slice(start, start + PER_APPEND).map((data) => ({ type: 'PaymentReceived', data }));
  await store.appendToStream(`payments-${start}`, events);
}
const projection = pongoSingleStreamProjection({
  collectionName: 'totals',
  canHandle: ['PaymentReceived'],
  evolve: (state, { data }) => ({ payments: state.payments + 1, paid: state.paid + Number(data.amount.amount) }),
  initialState: () => ({ payments: 0, paid: 0 }),
});
const began = performance.now();
const consumer = rebuildPostgreSQLProjections({ connectionString: url, projection, pulling: { batchSize: 1000 } });
await consumer.start();
const seconds = (performance.now() - began) / 1000;
await consumer.close();
await store.close();
console.log(JSON.stringify({ done: bodies.length, seconds, latencies: [] }));
