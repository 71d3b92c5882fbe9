// Names of customers: figures and alerts know keys only. Each is asked for once.
import { get } from "./api.js";
import { h } from "./dom.js";

const asked = new Map();

function record(customer) {
  if (!asked.has(customer)) {
    const found = get(`/api/customers/${encodeURIComponent(customer)}`);
    asked.set(customer, found);
    found.catch(() => asked.delete(customer));
  }
  return asked.get(customer);
}

/** A link to the panel of a customer, with its name as soon as that is known. */
export function customerLink(customer) {
  const link = h(
    "a",
    { href: `#/customer/${encodeURIComponent(customer)}`, class: "customer", "data-value": true },
    customer,
  );
  record(customer).then(
    (found) => {
      if (found.name) link.textContent = found.name;
    },
    () => {},
  );
  return link;
}
