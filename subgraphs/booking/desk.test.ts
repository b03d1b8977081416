import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, ANONYMOUS } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { given } from './booking.given.js';
import { startBooking } from './main.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
const admin = user('ADMIN');
beforeAll(async () => {
  booking = await startTestSubgraph('booking', startBooking);
  say = given(booking);
});
afterAll(() => booking[Symbol.asyncDispose]());

interface Listed {
  bookings: { totalCount: number; nodes: { id: string }[]; pageInfo: { hasNextPage: boolean; endCursor: string | null } };
}
const LIST = `query($filter: BookingFilter, $first: Int, $after: String) { bookings(filter: $filter, first: $first, after: $after) {
  totalCount nodes { id } pageInfo { hasNextPage endCursor } } }`;
const list = (actor: Actor, filter: Record<string, unknown>, page: Record<string, unknown> = {}) => booking.run<Listed>(actor, LIST, { filter, ...page });
const ids = async (filter: Record<string, unknown>) => (await list(admin, filter)).data.bookings.nodes.map(({ id }) => id);
const times = (pickupAt: string, returnAt: string) => ({ pickupAt: new Date(pickupAt).toISOString(), returnAt: new Date(returnAt).toISOString() });

test('BK-09: admins list bookings by vehicle, station, day and status, by page', async () => {
  const stationId = randomUUID();
  const station = publicId('stn', stationId);
  const [one, two] = [await say.vehicle({ stationId }), await say.vehicle({ stationId })];
  // Cairo is at +02:00 in January.
  const early = await say.confirmed(say.customer(), one.id, times('2030-01-10T10:00:00+02:00', '2030-01-12T10:00:00+02:00'));
  const late = await say.held(say.customer(), one.id, times('2030-01-12T23:30:00+02:00', '2030-01-13T12:00:00+02:00'));
  const other = await say.held(say.customer(), two.id, times('2030-01-11T10:00:00+02:00', '2030-01-13T00:00:00+02:00'));
  expect(await ids({ vehicleId: one.id })).toEqual([early.id, late.id]);
  expect(await ids({ stationId: station })).toEqual([early.id, other.id, late.id]);
  expect(await ids({ stationId: station, status: 'CONFIRMED' })).toEqual([early.id]);
  // By the clock of the station, whose day begins two hours before that of UTC; a rental that ends at midnight has nothing of the next day.
  expect(await ids({ stationId: station, day: '2030-01-10' })).toEqual([early.id]);
  expect(await ids({ stationId: station, day: '2030-01-12' })).toEqual([early.id, other.id, late.id]);
  expect(await ids({ stationId: station, day: '2030-01-13' })).toEqual([late.id]);
  expect(await ids({ stationId: station, day: '2030-01-14' })).toEqual([]);
  const first = await list(admin, { stationId: station }, { first: 2 });
  expect(first.data.bookings).toMatchObject({ totalCount: 3, pageInfo: { hasNextPage: true } });
  const next = await list(admin, { stationId: station }, { first: 2, after: first.data.bookings.pageInfo.endCursor });
  expect(next.data.bookings.nodes).toEqual([{ id: late.id }]);
  expect((await list(say.customer(), {})).codes).toEqual(['FORBIDDEN']);
  expect((await list(ANONYMOUS, {})).codes).toEqual(['UNAUTHENTICATED']);
  expect((await list(admin, { vehicleId: 'nonsense' })).codes).toEqual(['NOT_FOUND']);
  expect((await list(admin, { day: '2030-02-30' })).codes).toEqual(['BAD_USER_INPUT']);

  const calendar =
    'query($id: ID!, $from: Date!, $to: Date!) { stationCalendar(stationId: $id, from: $from, to: $to) { date vehicles taken pickups returns } }';
  const days = await booking.run<{ stationCalendar: object[] }>(admin, calendar, { id: station, from: '2030-01-10', to: '2030-01-13' });
  expect(days.data.stationCalendar).toEqual([
    { date: '2030-01-10', vehicles: 2, taken: 1, pickups: 1, returns: 0 },
    { date: '2030-01-11', vehicles: 2, taken: 2, pickups: 0, returns: 0 },
    { date: '2030-01-12', vehicles: 2, taken: 2, pickups: 0, returns: 1 },
    { date: '2030-01-13', vehicles: 2, taken: 2, pickups: 0, returns: 0 },
  ]);
  expect((await booking.run(say.customer(), calendar, { id: station, from: '2030-01-10', to: '2030-01-13' })).codes).toEqual(['FORBIDDEN']);
  expect((await booking.run(admin, calendar, { id: station, from: '2030-01-13', to: '2030-01-10' })).codes).toEqual(['VALIDATION_ERROR']);
  expect((await booking.run(admin, calendar, { id: station, from: '2030-01-01', to: '2030-06-01' })).codes).toEqual(['VALIDATION_ERROR']);
});

const CALENDAR = `query($representations: [_Any!]!, $from: Date!, $to: Date!) { _entities(representations: $representations) {
  ... on Vehicle { calendar(from: $from, to: $to) { date busyMinutes minutes } } } }`;
const calendarOf = async (id: string, from: string, to: string) => {
  const variables = { representations: [{ __typename: 'Vehicle', id }], from, to };
  const { data } = await booking.run<{ _entities: { calendar: { date: string; busyMinutes: number; minutes: number }[] }[] }>(ANONYMOUS, CALENDAR, variables);
  return data._entities[0]?.calendar.map(({ date, busyMinutes, minutes }) => `${date} ${busyMinutes}/${minutes}`);
};

test('BK-09: the calendar of a car says how much of each day is taken, over midnight and with preparation', async () => {
  const car = await say.vehicle();
  await say.held(say.customer(), car.id, times('2030-01-10T22:00:00+02:00', '2030-01-11T02:00:00+02:00'));
  expect(await calendarOf(car.id, '2030-01-09', '2030-01-12')).toEqual([
    '2030-01-09 0/1440',
    '2030-01-10 120/1440',
    '2030-01-11 240/1440',
    '2030-01-12 0/1440',
  ]);
});

test('BK-05: days of 23 and 25 hours, and a leap day, are what they are', async () => {
  const berlin = await say.vehicle({ timeZone: 'Europe/Berlin' });
  expect(await calendarOf(berlin.id, '2030-03-31', '2030-03-31')).toEqual(['2030-03-31 0/1380']);
  expect(await calendarOf(berlin.id, '2030-10-27', '2030-10-27')).toEqual(['2030-10-27 0/1500']);
  expect(await calendarOf(berlin.id, '2028-02-28', '2028-03-01')).toEqual(['2028-02-28 0/1440', '2028-02-29 0/1440', '2028-03-01 0/1440']);
  const night = await say.quoted(say.customer(), berlin.id, times('2028-02-28T10:00:00+01:00', '2028-03-01T10:00:00+01:00'));
  expect(night.days).toBe(2);
});

test('BK-12: the feed of a station shows each booking that is made or changes, and is for admins', async () => {
  const stationId = randomUUID();
  const car = await say.vehicle({ stationId });
  const query = 'subscription($id: ID!) { bookingsFeed(stationId: $id) { id status } }';
  const open = (actor: Actor, id: string) =>
    booking.subgraph.subscribe({ query, variables: { id } }, { actor, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null });
  for (const [actor, id, code] of [
    [say.customer(), publicId('stn', stationId), 'FORBIDDEN'],
    [ANONYMOUS, publicId('stn', stationId), 'UNAUTHENTICATED'],
    [admin, 'nonsense', 'NOT_FOUND'],
  ] as const) {
    expect(await open(actor, id)).toMatchObject({ errors: [{ extensions: { code } }] });
  }
  const feed = await open(admin, publicId('stn', stationId));
  if (!(Symbol.asyncIterator in feed)) throw new Error('no feed');
  const mona = say.customer();
  await say.held(mona, (await say.vehicle()).id, say.hoursAhead(48));
  const made = await say.held(mona, car.id, say.hoursAhead(48));
  expect((await feed.next()).value?.data).toEqual({ bookingsFeed: { id: made.id, status: 'HELD' } });
  const next = feed.next();
  await say.cancel(mona, made.id);
  expect((await next).value?.data).toEqual({ bookingsFeed: { id: made.id, status: 'CANCELLED' } });
  const waiting = feed.next();
  await feed.return(undefined);
  expect((await waiting).done).toBe(true);
});
