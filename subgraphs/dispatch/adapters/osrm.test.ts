import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Refusal } from '../../../platform/errors.js';
import { distanceM } from '../point.js';
import { osrmRouting, trafficOf } from './osrm.js';
import { localRouting, type Routing } from './routing.js';

/** A small server that speaks OSRM's HTTP API (`/route/v1/driving/…`), and misbehaves when it is told to. */
type Mood = 'WELL' | 'NO_ROUTE' | 'NO_SEGMENT' | 'BROKEN' | 'HANGS' | 'GARBAGE' | 'ENDLESS' | 'INVALID';
let mood: Mood = 'WELL';
let slowness = 1;
const asked: string[] = [];
let server: Server;
let url = '';
let now = new Date('2030-01-01T10:00:00Z');
const told: string[] = [];

const json = (response: ServerResponse, status: number, body: unknown) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
};
function answer(request: IncomingMessage, response: ServerResponse): unknown {
  asked.push(request.url ?? '');
  const match = /^\/route\/v1\/driving\/([-\d.]+),([-\d.]+);([-\d.]+),([-\d.]+)\?overview=false/.exec(request.url ?? '');
  if (!match) return json(response, 400, { code: 'InvalidUrl', message: 'URL string malformed' });
  const [lng1, lat1, lng2, lat2] = match.slice(1).map(Number) as [number, number, number, number];
  const meters = distanceM({ lat: lat1, lng: lng1 }, { lat: lat2, lng: lng2 }) * 1.42;
  switch (mood) {
    case 'WELL':
      return json(response, 200, { code: 'Ok', routes: [{ distance: meters, duration: (meters / 7) * slowness, legs: [] }], waypoints: [] });
    case 'NO_ROUTE':
      return json(response, 400, { code: 'NoRoute', message: 'Impossible route between points' });
    case 'NO_SEGMENT':
      return json(response, 400, { code: 'NoSegment', message: 'Could not find a matching segment for coordinate 0' });
    case 'INVALID':
      return json(response, 400, { code: 'InvalidQuery', message: 'Query string malformed' });
    case 'BROKEN':
      return json(response, 502, { code: 'Ok', routes: [{ distance: 1, duration: 1 }] });
    case 'GARBAGE':
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html>it works!</html>');
      return undefined;
    case 'ENDLESS':
      response.writeHead(200, { 'content-type': 'application/json' });
      response.write('{"code":"Ok","routes":[');
      for (let i = 0; i < 200; i += 1) response.write(' '.repeat(1_024));
      return response.end('{"distance":1,"duration":1}]}');
    case 'HANGS':
      return undefined;
  }
}

beforeAll(async () => {
  server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const local = localRouting(() => 12);
let routing: Routing;
beforeEach(() => {
  [mood, slowness, asked.length, told.length] = ['WELL', 1, 0, 0];
  now = new Date('2030-01-01T10:00:00Z');
  routing?.stop();
  routing = osrmRouting({ url, local, clock: () => now, onError: (_, what) => told.push(what), timeoutMs: 300 });
});
afterAll(() => routing.stop());

const from = { lat: 30.0444, lng: 31.2357 };
const to = (i = 0) => ({ lat: 30.08 + i / 100, lng: 31.3 });
const pass = (seconds: number) => {
  now = new Date(now.getTime() + seconds * 1000);
};

test('DP-15: the way comes from the server, is asked for as its API says, and is remembered for five minutes by the cells of both ends', async () => {
  const route = await routing.route(from, to(), now);
  expect(route).toMatchObject({ source: 'OSRM', trafficPermille: expect.any(Number) });
  // Between the middles of cells of 130 m.
  expect(Math.abs(route.distanceM - distanceM(from, to()) * 1.42)).toBeLessThan(300);
  expect(await routing.route({ lat: from.lat + 0.00001, lng: from.lng }, to(), now)).toEqual(route);
  expect(asked).toHaveLength(1);
  await routing.route(to(), from, now);
  expect(asked, 'the way back is another one').toHaveLength(2);
  pass(299);
  await routing.route(from, to(), now);
  expect(asked).toHaveLength(2);
  pass(2);
  await routing.route(from, to(), now);
  expect(asked).toHaveLength(3);
  expect(routing.state()).toEqual({ adapter: 'osrm', breaker: 'CLOSED', answered: { server: 3, cache: 2, model: 0 } });
});

test('DP-15: where no street leads, the trip is refused with the field and the rule; that is no failure of the server', async () => {
  for (const nowhere of ['NO_ROUTE', 'NO_SEGMENT'] as const) {
    mood = nowhere;
    for (let i = 0; i < 6; i += 1) {
      const refused = await routing.route(from, to(i), now).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(Refusal);
      expect(refused).toMatchObject({ code: 'NO_ROUTE', details: { field: 'input.destination', rule: 'no_route' } });
    }
  }
  expect(routing.state().breaker).toBe('CLOSED');
});

test('DP-15: a server that fails, hangs, talks nonsense or does not end is replaced by the local model', async () => {
  for (const [i, bad] of (['BROKEN', 'HANGS', 'GARBAGE', 'ENDLESS'] as const).entries()) {
    mood = bad;
    expect(await routing.route(from, to(i), now), bad).toEqual({ ...local.leg(from, to(i), now), trafficPermille: 1_000, source: 'LOCAL' });
  }
  expect(told).toHaveLength(4);
  expect(routing.state()).toMatchObject({ breaker: 'CLOSED', answered: { model: 4 } });
});

test('DP-15: after five failures the server is left alone, which one can see; one call tries again, and then it is used again', async () => {
  mood = 'INVALID';
  for (let i = 0; i < 5; i += 1) await routing.route(from, to(i), now);
  expect(routing.state().breaker).toBe('OPEN');
  expect(told.at(-2)).toContain('left alone');
  expect(asked).toHaveLength(5);
  for (let i = 0; i < 5; i += 1) expect((await routing.route(from, to(i), now)).source).toBe('LOCAL');
  expect(asked).toHaveLength(5);
  pass(16);
  expect(routing.state().breaker).toBe('HALF_OPEN');
  await Promise.all([1, 2, 3].map((i) => routing.route(from, to(i), now)));
  expect(asked, 'one tries, the others do not wait for it').toHaveLength(6);
  expect(routing.state().breaker).toBe('OPEN');
  pass(16);
  mood = 'WELL';
  expect((await routing.route(from, to(), now)).source).toBe('OSRM');
  expect(routing.state().breaker).toBe('CLOSED');
});

test('DP-15: nobody listens: the model answers', async () => {
  const alone = osrmRouting({ url: 'http://127.0.0.1:1', local, clock: () => now, onError: () => {}, timeoutMs: 300 });
  expect((await alone.route(from, to(), now)).source).toBe('LOCAL');
  alone.stop();
});

test('DP-11, DP-15: traffic is what a way takes beyond the usual time of the hour, in steps, 1.3 at most', async () => {
  const way = (durationS: number) => trafficOf({ distanceM: 10_000, durationS }, 36);
  expect([500, 1_000, 1_049, 1_050, 1_120, 1_299, 5_000].map(way)).toEqual([1_000, 1_000, 1_000, 1_050, 1_100, 1_250, 1_300]);
  expect(trafficOf({ distanceM: 100, durationS: 500 }, 36), 'a few metres say nothing').toBe(1_000);
  slowness = 3;
  expect((await routing.route(from, to(), now)).trafficPermille).toBe(1_300);
});

test('DP-15: the local model is deterministic, symmetric in distance, slower in the rush hour', () => {
  const night = localRouting(() => 3);
  expect(local.leg(from, to(), now)).toEqual(local.leg(from, to(), now));
  expect(local.leg(from, to(), now).distanceM).toBe(local.leg(to(), from, now).distanceM);
  expect(night.leg(from, to(), now).durationS).toBeLessThan(local.leg(from, to(), now).durationS);
});
