// A typed client of Kehu: types out of the OpenAPI documents, requests by openapi-fetch, live warnings by EventSource.
import createClient, { type Middleware } from 'openapi-fetch';
import { EventSource } from 'eventsource';
import type { paths as Customers, components } from './customer.js';
import type { paths as Analytics } from './analytics.js';

export type Customer = components['schemas']['CustomerRow'];
export type NewOrder = components['schemas']['PlaceOrder'];
export type Order = components['schemas']['OrderRow'];

// A refusal as RFC 9457 tells it: `type` names the rule, `title` is a sentence for people, `errors` the places of a 422.
export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly type: string,
    title: string,
    readonly errors: { pointer: string; message: string }[] = [],
  ) {
    super(title);
  }
}

const refusals: Middleware = {
  async onResponse({ response }) {
    if (response.ok) return;
    const problem = await response.clone().json();
    throw new Refused(response.status, problem.type, problem.title, problem.errors);
  },
};

export class Kehu {
  readonly #url: string;
  readonly #headers: Record<string, string>;
  readonly #customers: ReturnType<typeof createClient<Customers>>;
  readonly #analytics: ReturnType<typeof createClient<Analytics>>;

  constructor(url: string, token: string, language = 'en') {
    this.#url = url;
    this.#headers = { Authorization: `Bearer ${token}`, 'Accept-Language': language };
    this.#customers = createClient<Customers>({ baseUrl: `${url}/api/customers`, headers: this.#headers });
    this.#analytics = createClient<Analytics>({ baseUrl: `${url}/api/analytics`, headers: this.#headers });
    this.#customers.use(refusals);
    this.#analytics.use(refusals);
  }

  // Every customer found, page by page.
  async *find(q: string): AsyncGenerator<Customer> {
    let cursor: string | undefined;
    do {
      const { data } = await this.#customers.GET('/', { params: { query: { q, limit: 100, cursor } } });
      yield* data?.items ?? [];
      cursor = data?.next ?? undefined;
    } while (cursor);
  }

  // The position of the order in the log: give it to a read that must know of it. The same key never orders twice.
  async order(order: NewOrder, key: string): Promise<string> {
    const { response } = await this.#customers.POST('/orders', {
      params: { header: { 'Idempotency-Key': key } },
      body: order,
    });
    return response.headers.get('X-Kehu-Position') ?? '';
  }

  // The order as it is once `position` is known.
  async seen(order: string, position: string): Promise<Order> {
    const params = { path: { order }, header: { 'X-Kehu-Position': position } };
    const { data } = await this.#customers.GET('/orders/{order}', { params });
    return data as Order;
  }

  // The days sales outstanding of today, null without sales.
  async dso(): Promise<string | null> {
    const { data } = await this.#analytics.GET('/dso', {});
    return data?.dso ?? null;
  }

  // Warnings as they are raised. It reconnects by itself and misses none: the server is told the last one seen.
  warnings(told: (kind: string, warning: { customer: string; rule: string; value: string }) => void): () => void {
    const source = new EventSource(`${this.#url}/api/analytics/alerts/stream`, {
      fetch: (input, init) => fetch(input, { ...init, headers: { ...init.headers, ...this.#headers } }),
    });
    for (const kind of ['AlertRaised', 'AlertChanged', 'AlertResolved', 'AlertRetracted']) {
      source.addEventListener(kind, (event) => told(kind, JSON.parse(event.data)));
    }
    return () => source.close();
  }
}
