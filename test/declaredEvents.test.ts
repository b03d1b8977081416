import { expect, test } from 'vitest';
import type { Consumption } from '../platform/consumer.js';
import * as booking from '../subgraphs/booking/events.js';
import { bookingConsumes } from '../subgraphs/booking/jobs.js';
import * as dispatch from '../subgraphs/dispatch/events.js';
import { dispatchConsumes } from '../subgraphs/dispatch/jobs.js';
import * as fleet from '../subgraphs/fleet/events.js';
import { fleetConsumes } from '../subgraphs/fleet/jobs.js';
import * as identity from '../subgraphs/identity/events.js';
import * as inbox from '../subgraphs/inbox/events.js';
import { inboxConsumes } from '../subgraphs/inbox/jobs.js';
import * as payments from '../subgraphs/payments-ledger/events.js';
import { paymentsConsumes } from '../subgraphs/payments-ledger/jobs.js';

/** Handlers by subgraph: none is called here, so none needs what it works with. */
const handlers: Record<string, readonly Consumption[]> = {
  identity: [],
  fleet: fleetConsumes,
  booking: bookingConsumes(undefined as never),
  'payments-ledger': paymentsConsumes(undefined as never),
  dispatch: dispatchConsumes(undefined as never),
  inbox: inboxConsumes(undefined as never),
};

interface Declared {
  type: string;
  consumers: readonly string[];
}

/** Event types that a module exports, alone or in groups by name. */
function declaredIn(exported: unknown): Declared[] {
  if (typeof exported !== 'object' || exported === null) return [];
  const { type, consumers } = exported as Partial<Declared>;
  if (typeof type === 'string' && Array.isArray(consumers)) return [{ type, consumers }];
  return Object.values(exported).flatMap(declaredIn);
}

test('PF-02: every event is known to all who are told of it: what they do, or that it changes nothing', () => {
  const declared = [booking, dispatch, fleet, identity, inbox, payments].flatMap((events) => declaredIn({ ...events }));
  expect(declared.length).toBeGreaterThan(40);
  const unknown = declared.flatMap(({ type, consumers }) =>
    consumers.filter((name) => !handlers[name]?.some((handler) => handler.type === type)).map((name) => `${type} → ${name}`),
  );
  expect(unknown).toEqual([]);
  for (const [name, known] of Object.entries(handlers)) {
    const types = known.map(({ type }) => type);
    expect({ name, twice: types.filter((type, i) => types.indexOf(type) !== i) }).toEqual({ name, twice: [] });
  }
});
