import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Actor, ANONYMOUS } from '../../platform/actor.js';
import { publicId, uuidOf } from '../../platform/ids.js';
import { eventually, startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
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

const HOUR_MS = 3_600_000;
const at = (moment: string, hours = 0) => booking.setClock(new Date(new Date(moment).getTime() + hours * HOUR_MS));
const later = (moment: string, hours: number) => new Date(new Date(moment).getTime() + hours * HOUR_MS).toISOString();
const dayOf = (moment: string, hours = 0) => new Intl.DateTimeFormat('sv', { timeZone: 'Africa/Cairo' }).format(new Date(later(moment, hours)));

test('BK-09: a car that is overdue stays on the desk’s list of today, and calendars show what was taken', async () => {
  const stationId = randomUUID();
  const station = publicId('stn', stationId);
  const car = await say.vehicle({ stationId });
  const when = say.hoursAhead(48, 4);
  const made = await say.confirmed(say.customer(), car.id, when);
  at(when.pickupAt);
  await say.start(admin, made.id);
  at(when.returnAt, 60);
  await eventually(async () => (await say.desk(admin, made.id)).rental?.overdueSince, 'the rental to be overdue');
  expect(await ids({ stationId: station, day: dayOf(when.returnAt, 60) })).toEqual([made.id]);
  expect(await ids({ stationId: station, day: dayOf(when.returnAt, 30) })).toEqual([made.id]);
  expect(await ids({ stationId: station, day: dayOf(when.returnAt, 90) })).toEqual([]);
  await say.bringBack(admin, made.id);
  expect(await ids({ stationId: station, day: dayOf(when.returnAt, 60) })).toEqual([made.id]);
  at(when.returnAt, 200);
  expect(await ids({ stationId: station, day: dayOf(when.returnAt, 100) })).toEqual([]);
  // All of it is over: 64 hours from pick-up to return, on whatever days they lie.
  const days = (await calendarOf(car.id, dayOf(when.pickupAt, -24), dayOf(when.returnAt, 100))) ?? [];
  const minutes = days.map((day) => Number(/ (\d+)\//.exec(day)?.[1]));
  expect(minutes.reduce((sum, each) => sum + each, 0)).toBe(64 * 60);
  const taken = 'query($id: ID!, $from: Date!, $to: Date!) { stationCalendar(stationId: $id, from: $from, to: $to) { taken } }';
  const day = dayOf(when.returnAt, 24);
  expect((await booking.run(admin, taken, { id: station, from: day, to: day })).data).toEqual({ stationCalendar: [{ taken: 1 }] });
  booking.setClock(new Date());
});

test('BK-09: calendars of a list of cars are one statement', async () => {
  const cars = await Promise.all(Array.from({ length: 12 }, () => say.vehicle()));
  const before = await booking.statements('%vehicle_taken(%');
  const variables = { representations: cars.map(({ id }) => ({ __typename: 'Vehicle', id })), from: '2030-01-09', to: '2030-01-12' };
  const { data } = await booking.run<{ _entities: { calendar: object[] }[] }>(ANONYMOUS, CALENDAR, variables);
  expect(data._entities.map(({ calendar }) => calendar.length)).toEqual(cars.map(() => 4));
  expect((await booking.statements('%vehicle_taken(%')) - before).toBe(1);
});

test('BK-05: what is taken on the days when clocks change is counted by the hours that they have', async () => {
  // Cairo changes at midnight, on the last Friday of April and the last Thursday of October (Law 24 of 2023).
  for (const [timeZone, night, minutes] of [
    ['Europe/Berlin', ['2030-03-30T20:00:00+01:00', '2030-04-01T02:00:00+02:00'], [240, 1380, 240]],
    ['Europe/Berlin', ['2030-10-26T20:00:00+02:00', '2030-10-28T02:00:00+01:00'], [240, 1500, 240]],
    ['Africa/Cairo', ['2030-04-25T20:00:00+02:00', '2030-04-27T02:00:00+03:00'], [240, 1380, 240]],
  ] as const) {
    const car = await say.vehicle({ timeZone });
    await say.held(say.customer(), car.id, times(night[0], night[1]));
    const first = new Intl.DateTimeFormat('sv', { timeZone }).format(new Date(night[0]));
    const days = (await calendarOf(car.id, first, new Date(Date.parse(first) + 2 * 86_400_000).toISOString().slice(0, 10))) ?? [];
    expect([timeZone, days.map((day) => Number(/ (\d+)\//.exec(day)?.[1]))]).toEqual([timeZone, minutes]);
  }
});

test('BK-07: a one-way rental is on the list and the calendar of the station that it comes to', async () => {
  const [here, there] = [randomUUID(), randomUUID()];
  const car = await say.vehicle({ stationId: here });
  await say.vehicle({ stationId: there });
  const when = times('2031-05-10T10:00:00+03:00', '2031-05-12T10:00:00+03:00');
  const mona = say.customer();
  const quote = await say.quote(mona, car.id, when, { returnStationId: publicId('stn', there) });
  const made = (await say.create(mona, quote.data.quoteRental.id)).data.createBooking;
  await say.payment('authorised', uuidOf('bkg', made.id) ?? '');
  for (const station of [here, there]) expect(await ids({ stationId: publicId('stn', station) })).toEqual([made.id]);
  const calendar = 'query($id: ID!, $from: Date!, $to: Date!) { stationCalendar(stationId: $id, from: $from, to: $to) { pickups returns } }';
  const days = async (station: string) =>
    (await booking.run<{ stationCalendar: object[] }>(admin, calendar, { id: publicId('stn', station), from: '2031-05-10', to: '2031-05-12' })).data
      .stationCalendar;
  expect(await days(here)).toEqual([
    { pickups: 1, returns: 0 },
    { pickups: 0, returns: 0 },
    { pickups: 0, returns: 0 },
  ]);
  expect(await days(there)).toEqual([
    { pickups: 0, returns: 0 },
    { pickups: 0, returns: 0 },
    { pickups: 0, returns: 1 },
  ]);
});

async function feedOf(stationId: string) {
  const query = 'subscription($id: ID!) { bookingsFeed(stationId: $id) { id status vehicle { id } } }';
  const caller = { actor: admin, traceId: '0'.repeat(32), idempotencyKey: null, clientIp: null };
  const feed = await booking.subgraph.subscribe({ query, variables: { id: publicId('stn', stationId) } }, caller);
  if (!(Symbol.asyncIterator in feed)) throw new Error('no feed');
  return {
    next: async () => (await feed.next()).value?.data?.bookingsFeed as { id: string; status: string; vehicle: { id: string } },
    end: () => feed.return(undefined),
  };
}

test('BK-12: a station sees a booking leave for a car of another station, which sees it come', async () => {
  const [here, there] = [randomUUID(), randomUUID()];
  const [one, other] = [await say.vehicle({ stationId: here }), await say.vehicle({ stationId: there })];
  const made = await say.confirmed(say.customer(), one.id, say.hoursAhead(48));
  const feeds = [await feedOf(here), await feedOf(there)];
  await say.replace(admin, made.id, other.id);
  for (const feed of feeds) {
    expect(await feed.next()).toEqual({ id: made.id, status: 'CONFIRMED', vehicle: { id: other.id } });
    await feed.end();
  }
});

test('BK-12: what is committed late is shown, and nothing twice; more than a page of changes stalls nothing', async () => {
  const stationId = randomUUID();
  const car = await say.vehicle({ stationId });
  const mona = say.customer();
  const [late, early] = [await say.held(mona, car.id, say.hoursAhead(48, 4)), await say.held(mona, car.id, say.hoursAhead(60, 4))];
  const write = (sql: typeof booking.owner, uuid: string, from: number, to: number) => sql`insert into booking_transitions
    (booking_id, sequence, from_status, to_status, actor, at, station_ids)
    select ${uuid}, n, 'HELD', 'HELD', 'test', now(), array[${stationId}]::uuid[] from generate_series(${from}::int, ${to}::int) n`;
  const feed = await feedOf(stationId);
  let commit: () => void = () => {};
  let written: () => void = () => {};
  const isWritten = new Promise<void>((resolve) => (written = resolve));
  const isOver = booking.owner.begin(async (tx) => {
    await write(tx as never, late.uuid, 100, 100);
    written();
    await new Promise<void>((resolve) => (commit = resolve));
  });
  await isWritten;
  // Younger transactions commit first, and with more than two pages.
  await write(booking.owner, early.uuid, 100, 1_300);
  await say.cancel(mona, early.id);
  const seen = [await feed.next()];
  while (seen.at(-1)?.id === early.id && seen.at(-1)?.status !== 'CANCELLED') seen.push(await feed.next());
  expect(seen.at(-1)).toMatchObject({ id: early.id, status: 'CANCELLED' });
  const next = feed.next();
  commit();
  await isOver;
  const third = await say.held(mona, car.id, say.hoursAhead(72, 4));
  const rest = [await next];
  const seenIn = (id: string) => rest.filter((each) => each.id === id).length;
  while (seenIn(late.id) === 0 || seenIn(third.id) === 0) rest.push(await feed.next());
  await say.cancel(mona, third.id);
  rest.push(await feed.next());
  expect(rest.at(-1)).toMatchObject({ id: third.id, status: 'CANCELLED' });
  expect([seenIn(late.id), seenIn(third.id)]).toEqual([1, 2]);
  await feed.end();
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
