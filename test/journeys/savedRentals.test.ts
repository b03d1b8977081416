import { afterAll, beforeAll, expect, test } from 'vitest';
import { uuidOf } from '../../platform/ids.js';
import { pay, put, savedOperations, type Values } from '../given/savedOperations.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

let graph: TestGraph;
beforeAll(async () => {
  graph = await startGraph('one');
});
afterAll(() => graph[Symbol.asyncDispose]());

const at = (day: string) => `2030-01-${day}T10:00:00+02:00`;

test('GW-50: every saved operation of the desk and of rentals runs as it is, for the one that it names, with its own example', {
  timeout: 180_000,
}, async () => {
  const { run, firstEvent, notRun } = savedOperations(graph);
  const booked = async (quote: Values): Promise<string> => {
    const { quoteRental } = await run('Rental 2', { input: quote });
    const { createBooking } = await run('Rental 4', { input: { quoteId: quoteRental.id } });
    await eventually(async () => (await run('Rental 5', { id: createBooking.id })).booking.status === 'CONFIRMED', 'the booking to be confirmed');
    return createBooking.id;
  };
  const { vehicles } = await run('Rental 1');
  expect(vehicles.nodes[0]).toMatchObject({ make: 'Toyota', model: 'Corolla' });
  expect((await run('Rental 10')).vehicles.totalCount).toBeGreaterThan(0);
  expect((await run('Rental 9')).vehicle.availability.free).toBe(true);

  // A customer books, pays, changes, and has somebody behind.
  const { initiateDeposit } = await run('Rental 3');
  await pay(initiateDeposit.paymentUrl);
  const first = await booked({});
  expect((await run('Desk 1')).bookings.nodes).toMatchObject([{ id: first }]);
  expect((await firstEvent('Rental 6', { bookingId: first })).bookingUpdated.id).toBe(first);
  const { quoteRental } = await run('Rental 2', { input: { pickupAt: at('04'), returnAt: at('06'), changesBookingId: first } });
  expect((await run('Rental 11', { input: { bookingId: first, quoteId: quoteRental.id } })).changeBooking.id).toBe(first);
  const behind = await booked({ pickupAt: at('07'), returnAt: at('09') });
  await eventually(async () => (await run('Rental 14', { id: first })).booking.agreement?.status === 'SENT', 'the agreement', 40_000);
  await eventually(async () => (await run('Rental 8')).me.notifications.nodes.length > 0, 'a notification');

  // The clock of a running graph cannot be moved; the pick-up time can.
  await graph.owner('booking')`update bookings set pickup_at = now() - interval '1 minute' where id = ${uuidOf('bkg', first) as string}`;
  const handOver = () => run('Desk 3', { input: { bookingId: first } });
  expect((await firstEvent('Desk 2', {}, handOver)).bookingsFeed).toMatchObject({ id: first, status: 'ACTIVE' });
  const { bookings } = await run('Desk 1', { filter: { day: '2030-01-07' } });
  expect(bookings.nodes.map(({ id }: { id: string }) => id)).toContain(behind);
  const { requestRentalPhoto } = await run('Desk 18', { input: { bookingId: first } });
  await put(requestRentalPhoto.url);
  await eventually(async () => (await run('Rental 15', { id: first })).booking.photos.length === 1, 'the photo');

  // It will be late: who is behind takes another car, and is exchanged, and gives up.
  await run('Desk 5', { input: { bookingId: first } });
  await run('Desk 5', { input: { bookingId: first, expectedAt: at('08') } });
  const { replacements } = await eventually(async () => {
    const { booking } = await run('Rental 12', { id: behind });
    return booking.atRiskSince && booking.replacements.length > 1 && booking;
  }, 'the booking behind to be at risk');
  const { replaceVehicle } = await run('Rental 13', { input: { bookingId: behind, vehicleId: replacements[0].id } });
  expect(replaceVehicle.vehicle.id).toBe(replacements[0].id);
  const beside = await booked({ vehicleId: replacements[1].id, pickupAt: at('07'), returnAt: at('09') });
  const { swapVehicles } = await run('Desk 6', { input: { bookingId: behind, otherBookingId: beside } });
  expect(swapVehicles[0].vehicle.id).toBe(replacements[1].id);
  expect((await run('Rental 7', { input: { bookingId: behind } })).cancelBooking.status).toBe('CANCELLED');
  await eventually(async () => {
    const { bookings: all } = await run('Desk 1', { filter: { stationId: undefined, day: undefined } });
    return all.nodes.find(({ id }: { id: string }) => id === first)?.deposit?.status !== 'REQUESTED';
  }, 'the deposit to be decided');
  expect((await run('Desk 4', { input: { bookingId: first } })).returnRental.status).toBe('COMPLETED');

  // The office looks at cars, and keeps one back.
  const { blockVehicle } = await run('Desk 7');
  expect((await run('Desk 10')).vehicle.calendar.length).toBe(31);
  expect((await run('Desk 10')).vehicleBlocks.map(({ id }: { id: string }) => id)).toContain(blockVehicle.id);
  expect((await run('Desk 8', { id: blockVehicle.id })).unblockVehicle.liftedAt).not.toBeNull();
  expect((await run('Desk 9')).stationCalendar.length).toBe(31);
  expect((await run('Desk 11')).savePromotion.percent).toBe(10);
  expect((await run('Desk 12')).stations.length).toBeGreaterThan(0);

  // Pictures, and the fleet itself.
  const { requestImageUpload } = await run('Desk 13');
  await put(requestImageUpload.url);
  await eventually(async () => (await run('Desk 14', { id: requestImageUpload.id })).imageUpload.status === 'READY', 'the renditions', 60_000);
  const shown = (await run('Desk 15')).vehicle.images.map(({ id }: { id: string }) => id);
  expect(shown).toContain(requestImageUpload.id);
  expect((await run('Desk 16', { imageIds: shown })).orderVehicleImages.images.map(({ id }: { id: string }) => id)).toEqual(shown);
  expect((await run('Desk 17', { id: requestImageUpload.id })).deleteVehicleImage.images).toEqual([]);
  const { createVehicle } = await run('Desk 19');
  const { version } = (await run('Rental 9')).vehicle;
  expect((await run('Desk 20', { input: { version } })).updateVehicle.version).toBe(version + 1);
  expect((await run('Desk 21', { id: createVehicle.id })).retireVehicle.status).toBe('RETIRED');

  // A new one has to be added here.
  expect(notRun('Desk', 'Rental')).toEqual([]);
});
