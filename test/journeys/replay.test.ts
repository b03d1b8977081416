import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { startGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

const WHEN = { pickupAt: '2035-01-01T10:00:00Z', returnAt: '2035-01-02T10:00:00Z' };

test('EV-01: what fleet and booking keep of others is rebuilt from the events, and nothing is paid or mailed again', async () => {
  await using graph = await startGraph('one');
  const customer = await graph.as('customer');
  const vehicleId = 'veh_01j0000000e00800g000000001';
  const { quoteRental } = await customer.QuoteRental({ input: { vehicleId, ...WHEN } });
  const { createBooking } = await customer.CreateBooking({ input: { quoteId: quoteRental.id, paymentMethod: 'WALLET', idempotencyKey: randomUUID() } });
  await eventually(async () => (await customer.GetBooking({ id: createBooking.id })).booking?.payment?.status === 'CAPTURED', 'the payment');
  const search = async () =>
    (
      await customer.SearchVehicles({
        filter: { text: 'corolla', available: { from: WHEN.pickupAt, to: WHEN.returnAt } },
        from: WHEN.pickupAt,
        to: WHEN.returnAt,
      })
    ).vehicles.nodes;
  await eventually(async () => (await search()).length === 0, 'search to know of the booking');
  const before = (await customer.Me()).me?.wallet;
  const mails = await graph.owner('inbox')`select count(*)::int as n from mail_deliveries`;

  await graph.owner('fleet')`delete from busy_ranges`;
  await graph.owner('booking')`delete from vehicles`;
  expect(await search()).toHaveLength(1);
  await expect(customer.QuoteRental({ input: { vehicleId, ...WHEN } })).rejects.toMatchObject({ code: 'NOT_FOUND' });

  for (const consumer of ['fleet', 'booking']) expect(await graph.runScript('scripts/replayEvents.js', '--to', consumer)).toMatchObject({ code: 0 });
  expect(await search()).toHaveLength(0);
  await expect(customer.QuoteRental({ input: { vehicleId, ...WHEN } })).rejects.toMatchObject({ code: 'VEHICLE_UNAVAILABLE' });
  expect((await customer.Me()).me?.wallet).toEqual(before);
  expect(await graph.owner('inbox')`select count(*)::int as n from mail_deliveries`).toEqual(mails);
});
