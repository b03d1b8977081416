import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import { startTestSubgraph, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startFleet } from './main.js';

// FL-02: whatever is wrong with a car that is entered or changed, the answer says which field and which rule, and nothing has happened.

let fleet: TestSubgraph;
const admin = user('ADMIN');
let station: string;
beforeAll(async () => {
  fleet = await startTestSubgraph('fleet', startFleet);
  await fleet.subgraph.seedDemo();
  station = (await fleet.run<{ stations: { id: string }[] }>(ANONYMOUS, '{ stations { id } }')).data.stations[0]?.id ?? '';
});
afterAll(() => fleet[Symbol.asyncDispose]());

let plates = 0;
const fine = () => ({
  ...{ make: 'Lada', model: 'Niva', year: 2021, category: 'SUV', fuelType: 'PETROL', transmission: 'MANUAL', seats: 4, features: ['4x4'] },
  ...{ dailyRate: { amount: '500.50', currency: 'EGP' }, plate: `BAD ${(plates += 1)}`, stationId: station, position: { lat: 30, lng: 31 } },
});
type Input = Record<string, unknown>;

const CAR = `id version make model year category fuelType transmission seats features dailyRate { amount currency } plate station { id }
  position { lat lng } status`;
interface Car extends Record<string, unknown> {
  id: string;
  version: number;
}
const create = (input: Input) =>
  fleet.run<{ createVehicle: Car }>(admin, `mutation($input: CreateVehicleInput!) { createVehicle(input: $input) { ${CAR} } }`, { input });
const update = (input: Input) =>
  fleet.run<{ updateVehicle: Car }>(admin, `mutation($input: UpdateVehicleInput!) { updateVehicle(input: $input) { ${CAR} } }`, { input });
const read = async (id: string) => (await fleet.run<{ vehicle: Car }>(admin, `query($id: ID) { vehicle(id: $id) { ${CAR} } }`, { id })).data.vehicle;

async function newCar(): Promise<Car> {
  const { data, errors } = await create(fine());
  expect(errors).toEqual([]);
  return data.createVehicle;
}

const said = ({ codes, errors }: { codes: string[]; errors: readonly { extensions: Record<string, unknown> }[] }) => {
  const details = errors[0]?.extensions.details as { field?: string; rule?: string } | undefined;
  return [codes.join(), details?.field, details?.rule].filter(Boolean).join(' ');
};
/** All that a refusal could leave behind. */
const kept = async () => {
  const [row] = await fleet.owner`select (select count(*) from vehicles)::int as vehicles, (select sum(version) from vehicles)::int as versions,
    (select count(*) from events)::int as events, (select count(*) from timers)::int as timers`;
  return row;
};

/** What GraphQL itself refuses. */
const NO_SUCH_VALUE = 'BAD_USER_INPUT';
const wrong = (field: string, rule: string) => `VALIDATION_ERROR input.${field} ${rule}`;
const NUL = 'a\u0000b';

/** By field: a value, and what is said to it. The same for a new car and for a change. */
const WRONG: [field: string, what: string, value: unknown, answer: string][] = [
  ...['make', 'model'].flatMap((field): typeof WRONG => [
    [field, 'empty', '', wrong(field, 'too_small')],
    [field, 'of blanks', ' \t\n ', wrong(field, 'too_small')],
    [field, 'of 61 characters', 'x'.repeat(61), wrong(field, 'too_big')],
    [field, 'with a line break', 'a\nb', wrong(field, 'invalid_format')],
    [field, 'with what Postgres cannot store', NUL, wrong(field, 'invalid_format')],
    [field, 'a number', 7, NO_SUCH_VALUE],
    [field, 'a list', ['a', 'b'], NO_SUCH_VALUE],
  ]),
  ['year', 'before the first cars', 1949, wrong('year', 'too_small')],
  ['year', 'of another century', 2101, wrong('year', 'too_big')],
  ['year', 'negative', -2024, wrong('year', 'too_small')],
  ['year', 'with a fraction', 2024.5, NO_SUCH_VALUE],
  ['year', 'beyond 32 bits', 2_147_483_648, NO_SUCH_VALUE],
  ['year', 'as text', '2024', NO_SUCH_VALUE],
  ['category', 'unknown', 'TRUCK', NO_SUCH_VALUE],
  ['category', 'in small letters', 'suv', NO_SUCH_VALUE],
  ['category', 'empty', '', NO_SUCH_VALUE],
  ['fuelType', 'unknown', 'STEAM', NO_SUCH_VALUE],
  ['fuelType', 'a number', 1, NO_SUCH_VALUE],
  ['transmission', 'unknown', 'SEMI', NO_SUCH_VALUE],
  ['transmission', 'of another enum', 'PETROL', NO_SUCH_VALUE],
  ['seats', 'none', 0, wrong('seats', 'too_small')],
  ['seats', 'negative', -4, wrong('seats', 'too_small')],
  ['seats', 'more than a coach has', 61, wrong('seats', 'too_big')],
  ['seats', 'half a one', 4.5, NO_SUCH_VALUE],
  ['features', 'with an empty one', ['CarPlay', ''], wrong('features.1', 'too_small')],
  ['features', 'with one of 41 characters', ['x'.repeat(41)], wrong('features.0', 'too_big')],
  ['features', 'with what Postgres cannot store', [NUL], wrong('features.0', 'invalid_format')],
  ['features', '31 of them', Array.from({ length: 31 }, (_, n) => `F${n}`), wrong('features', 'too_big')],
  ['features', 'with nothing in the list', [null], NO_SUCH_VALUE],
  ['features', 'with a number', [7], NO_SUCH_VALUE],
  ['dailyRate', 'of nothing', { amount: '0.00', currency: 'EGP' }, wrong('dailyRate.amount', 'positive')],
  ['dailyRate', 'below zero', { amount: '-1.00', currency: 'EGP' }, wrong('dailyRate.amount', 'positive')],
  ['dailyRate', 'finer than a piastre', { amount: '1.005', currency: 'EGP' }, wrong('dailyRate.amount', 'precision')],
  ['dailyRate', 'with a fraction where there is none', { amount: '100.5', currency: 'JPY' }, wrong('dailyRate.amount', 'precision')],
  ['dailyRate', 'beyond all cars', { amount: '99999999999.00', currency: 'EGP' }, wrong('dailyRate.amount', 'too_large')],
  ['dailyRate', 'no number', { amount: 'cheap', currency: 'EGP' }, NO_SUCH_VALUE],
  ['dailyRate', 'as a power of ten', { amount: '1e3', currency: 'EGP' }, NO_SUCH_VALUE],
  ['dailyRate', 'in money that there is not', { amount: '1.00', currency: 'XYZ' }, wrong('dailyRate.currency', 'supported_currency')],
  ['dailyRate', 'in small letters', { amount: '1.00', currency: 'egp' }, wrong('dailyRate.currency', 'supported_currency')],
  ['dailyRate', 'without its currency', { amount: '1.00' }, NO_SUCH_VALUE],
  ['dailyRate', 'a bare number', 500, NO_SUCH_VALUE],
  ['plate', 'of one character', 'A', wrong('plate', 'too_small')],
  ['plate', 'of blanks', '     ', wrong('plate', 'too_small')],
  ['plate', 'of 21 characters', 'x'.repeat(21), wrong('plate', 'too_big')],
  ['plate', 'with what Postgres cannot store', NUL, wrong('plate', 'invalid_format')],
  ['plate', "of another car's", 'CAI 1003', 'CONFLICT input.plate taken'],
  ['plate', "of another car's, spaced and written otherwise", ' cai-10 03', 'CONFLICT input.plate taken'],
  ['stationId', 'unknown', publicId('stn', randomUUID()), 'NOT_FOUND input.stationId'],
  ['stationId', 'that is no id', 'Cairo', 'NOT_FOUND input.stationId'],
  ['stationId', 'of another kind', publicId('veh', randomUUID()), 'NOT_FOUND input.stationId'],
  ['stationId', 'a bare UUID', randomUUID(), 'NOT_FOUND input.stationId'],
  ['stationId', 'empty', '', 'NOT_FOUND input.stationId'],
  ['position', 'south of the pole', { lat: -90.1, lng: 31 }, wrong('position.lat', 'too_small')],
  ['position', 'north of the pole', { lat: 90.1, lng: 31 }, wrong('position.lat', 'too_big')],
  ['position', 'west of the date line', { lat: 30, lng: -180.1 }, wrong('position.lng', 'too_small')],
  ['position', 'east of the date line', { lat: 30, lng: 180.1 }, wrong('position.lng', 'too_big')],
  ['position', 'with half of it', { lat: 30 }, NO_SUCH_VALUE],
  ['position', 'as text', '30,31', NO_SUCH_VALUE],
  ['id0', 'a field that there is not', 'x', NO_SUCH_VALUE],
  ['images', 'a field of the answer', [], NO_SUCH_VALUE],
];

describe('FL-02: createVehicle', () => {
  test.each([...WRONG, ['version', 'a field of changes alone', 1, NO_SUCH_VALUE], ['status', 'the same', 'ACTIVE', NO_SUCH_VALUE]] as typeof WRONG)(
    '%s, %s, is refused by its name',
    async (field, _what, value, answer) => {
      const before = await kept();
      expect(said(await create({ ...fine(), [field]: value }))).toBe(answer);
      expect(await kept()).toEqual(before);
    },
  );

  test.each(Object.keys(fine()))('%s, left out or null: what has to be there is asked for, and what has not is not', async (field) => {
    const optional = field === 'features' || field === 'position';
    for (const input of [{ ...fine(), [field]: null }, Object.fromEntries(Object.entries(fine()).filter(([name]) => name !== field))]) {
      const before = await kept();
      const answer = await create(input);
      if (!optional) {
        expect(said(answer)).toBe(NO_SUCH_VALUE);
        expect(await kept()).toEqual(before);
      } else {
        expect(answer.errors).toEqual([]);
        if (field === 'features') expect(answer.data.createVehicle.features).toEqual([]);
        // Where its station is.
        else expect(answer.data.createVehicle.position).not.toBeNull();
      }
    }
  });

  test('what is at the very edge is taken, without the blanks around it', async () => {
    const edges = { make: ` ${'x'.repeat(60)} `, model: 'y', year: 1950, seats: 60, features: Array.from({ length: 30 }, () => 'z'.repeat(40)) };
    const { data, errors } = await create({ ...fine(), ...edges, plate: '  قاهرة ٧٧ ', position: { lat: -90, lng: 180 } });
    expect(errors).toEqual([]);
    expect(data.createVehicle).toMatchObject({ ...edges, make: 'x'.repeat(60), plate: 'قاهرة ٧٧', position: { lat: -90, lng: 180 } });
  });
});

describe('FL-02: updateVehicle', () => {
  const also: typeof WRONG = [
    ['id', 'unknown', publicId('veh', randomUUID()), 'NOT_FOUND input.id'],
    ['id', 'no id', 'nonsense', 'NOT_FOUND input.id'],
    ['id', 'of another kind', publicId('stn', randomUUID()), 'NOT_FOUND input.id'],
    ['id', 'null', null, NO_SUCH_VALUE],
    ['version', 'one that was', 0, 'CONFLICT input.version stale'],
    ['version', 'one that is to come', 99, 'CONFLICT input.version stale'],
    ['version', 'negative', -1, 'CONFLICT input.version stale'],
    ['version', 'null', null, NO_SUCH_VALUE],
    ['version', 'with a fraction', 1.5, NO_SUCH_VALUE],
    ['status', 'the one that has a mutation of its own', 'RETIRED', wrong('status', 'invalid_value')],
    ['status', 'unknown', 'SOLD', NO_SUCH_VALUE],
    ['use', 'a field of the answer', 'RIDE', NO_SUCH_VALUE],
  ];
  test.each([...WRONG, ...also])('%s, %s, is refused by its name', async (field, _what, value, answer) => {
    const car = await newCar();
    const before = await kept();
    const stale = field === 'version' && answer.startsWith('CONFLICT');
    const refused = await update({ id: car.id, version: car.version, make: 'Changed', [field]: value });
    expect(said(refused)).toBe(answer);
    if (stale) expect(refused.errors[0]?.extensions.details).toMatchObject({ currentVersion: car.version });
    expect(await kept()).toEqual(before);
    expect(await read(car.id)).toEqual(car);
  });

  test.each(Object.keys(fine()))('%s, left out or null, stays as it is', async (field) => {
    const car = await newCar();
    const shown = field === 'stationId' ? 'station' : field;
    for (const more of [{}, { [field]: null }]) {
      const { version } = await read(car.id);
      // Something else changes, so that there is a change.
      const other = field === 'seats' ? { year: 2000 + version } : { seats: 4 + version };
      const { data, errors } = await update({ id: car.id, version, ...other, ...more });
      expect(errors).toEqual([]);
      expect(data.updateVehicle[shown]).toEqual(car[shown]);
    }
  });

  test('a retired car is not changed, whatever is right or wrong with the change', async () => {
    const car = await newCar();
    expect((await fleet.run(admin, 'mutation($id: ID!) { retireVehicle(id: $id) { id } }', { id: car.id })).errors).toEqual([]);
    const before = await kept();
    for (const version of [car.version, car.version + 1]) expect(said(await update({ id: car.id, version, seats: 5 }))).toBe('VEHICLE_RETIRED');
    expect(await kept()).toEqual(before);
  });

  test('a car keeps its own plate, and the plate of a retired one is free again', async () => {
    const [one, two] = [await newCar(), await newCar()];
    expect((await update({ id: one.id, version: one.version, plate: String(one.plate).toLowerCase() })).errors).toEqual([]);
    expect(said(await update({ id: two.id, version: two.version, plate: one.plate }))).toBe('CONFLICT input.plate taken');
    await fleet.run(admin, 'mutation($id: ID!) { retireVehicle(id: $id) { id } }', { id: one.id });
    expect((await update({ id: two.id, version: two.version, plate: one.plate })).errors).toEqual([]);
  });

  test('of many who enter the same car at once one does', async () => {
    const before = await kept();
    const plate = `RACE ${randomUUID().slice(0, 6)}`;
    const answers = await Promise.all(Array.from({ length: 12 }, () => create({ ...fine(), plate })));
    expect(answers.map(said).sort()).toEqual(['', ...Array.from({ length: 11 }, () => 'CONFLICT input.plate taken')]);
    expect((await kept())?.vehicles).toBe(before?.vehicles + 1);
  });
});

test('FL-03: text that Postgres cannot store finds nothing or is refused, and is never our fault', async () => {
  const slug = await fleet.run(ANONYMOUS, 'query($slug: String) { vehicle(slug: $slug) { id } }', { slug: NUL });
  expect([slug.codes, slug.data]).toEqual([['VALIDATION_ERROR'], { vehicle: null }]);
  const text = await fleet.run(ANONYMOUS, 'query($f: VehicleFilter) { vehicles(filter: $f) { nodes { id } } }', { f: { text: NUL, features: [NUL] } });
  expect(text.codes.filter((code) => code !== 'VALIDATION_ERROR')).toEqual([]);
});
