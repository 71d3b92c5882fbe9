// node build/example.js http://127.0.0.1:8000 dev-admin
import { Kehu, Refused } from './kehu.js';

const [url = 'http://127.0.0.1:8000', token = 'dev-admin'] = process.argv.slice(2);
const kehu = new Kehu(url, token);

for await (const customer of kehu.find('hd')) console.log(`found ${customer.customer} ${customer.name}`);

const order = {
  order: 'O-TS-1',
  customer: 'C-1',
  currency: 'CNY',
  lines: [{ product: 'pump', quantity: '2', price: '60.00' }],
};
const position = await kehu.order(order, 'typescript-1');
const seen = await kehu.seen('O-TS-1', position);
console.log(`ordered ${seen.order} over ${seen.currency} ${seen.total}`);

try {
  await kehu.order({ ...order, order: 'O-TS-2', customer: 'C-99' }, 'typescript-2');
} catch (refused) {
  if (!(refused instanceof Refused)) throw refused;
  console.log(`refused (${refused.status}): ${refused.message}`);
}

console.log(`DSO ${(await kehu.dso()) ?? 'unknown: no sales yet'}`);
