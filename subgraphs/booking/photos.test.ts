import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createLog } from '../../platform/log.js';
import { serveSubgraph } from '../../platform/serveSubgraph.js';
import { startTestSubgraph, TEST_SECRET, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { given } from './booking.given.js';
import { startBooking } from './main.js';

let booking: TestSubgraph;
let say: ReturnType<typeof given>;
let dir: string;
let origin = 'http://127.0.0.1:1';
let served: Awaited<ReturnType<typeof serveSubgraph>>;
const admin = user('ADMIN');

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'waygraph-photos-'));
  const config = { storageDir: dir, publicOrigin: null, signer: null };
  booking = await startTestSubgraph('booking', (environment) => startBooking({ ...environment, graphUrl: () => `${origin}/graphql` }, config));
  const options = { port: 0, internalSecret: TEST_SECRET, log: createLog({ service: 'test', level: 'fatal' }), clock: booking.environment.clock };
  served = await serveSubgraph(booking.subgraph, options);
  origin = `http://127.0.0.1:${served.port}`;
  say = given(booking);
});
afterAll(async () => {
  await served.stop();
  await booking[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

type Person = Parameters<TestSubgraph['run']>[0];
const REQUEST = 'mutation($input: RequestRentalPhotoInput!) { requestRentalPhoto(input: $input) { id url contentType } }';
const ask = (bookingId: string, moment: 'PICKUP' | 'RETURN', who: Person = admin) =>
  booking.run<{ requestRentalPhoto: { id: string; url: string } }>(who, REQUEST, {
    input: { bookingId, moment, fileName: 'door.jpg', contentType: 'image/jpeg' },
  });
const send = async (url: string, bytes: Buffer) => {
  const answer = await fetch(url, { method: 'PUT', headers: { 'content-type': 'image/jpeg' }, body: new Uint8Array(bytes) });
  return { status: answer.status, body: (await answer.json()) as { photoId?: string; errors?: { extensions: { code: string; details: { rule: string } } }[] } };
};
const PHOTOS = 'query($id: ID!) { booking(id: $id) { photos { id moment url width height takenAt } } }';
interface Seen {
  booking: { photos: { id: string; moment: string; url: string; width: number; height: number }[] } | null;
}
const photos = async (who: Person, id: string) => (await booking.run<Seen>(who, PHOTOS, { id })).data.booking?.photos ?? null;
const photo = () =>
  sharp({ create: { width: 800, height: 600, channels: 3, background: '#963' } })
    .withExif({ IFD3: { GPSLatitude: '30/1 2/1 3/1' } })
    .jpeg()
    .toBuffer();
const files = async () => (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).length;

test('BK-07: photos of pick-up and return are seen by the customer and admins, by links that expire, and hold no place', async () => {
  const mona = say.customer();
  const made = await say.confirmed(mona, (await say.vehicle()).id, say.hoursAhead(1));
  const first = (await ask(made.id, 'PICKUP')).data.requestRentalPhoto;
  const answer = await send(first.url, await photo());
  expect(answer).toMatchObject({ status: 201, body: { photoId: first.id } });
  expect((await send(first.url, await photo())).status).toBe(201);
  booking.setClock(new Date(Date.now() + 2 * 3_600_000));
  expect((await say.start(admin, made.id)).errors).toEqual([]);
  const second = (await ask(made.id, 'RETURN')).data.requestRentalPhoto;
  expect((await send(second.url, await photo())).status).toBe(201);
  const seen = await photos(mona, made.id);
  expect(seen?.map(({ id, moment, width, height }) => ({ id, moment, width, height }))).toEqual([
    { id: first.id, moment: 'PICKUP', width: 800, height: 600 },
    { id: second.id, moment: 'RETURN', width: 800, height: 600 },
  ]);
  expect((await photos(admin, made.id))?.length).toBe(2);
  expect(await photos(say.customer(), made.id)).toBeNull();
  const url = seen?.[0]?.url ?? '';
  const file = await fetch(url);
  expect(file.headers.get('content-type')).toBe('image/webp');
  expect(file.headers.get('cache-control')).toBe('private, max-age=300');
  expect((await sharp(Buffer.from(await file.arrayBuffer())).metadata()).exif).toBeUndefined();
  booking.setClock(new Date(Date.now() + 3 * 3_600_000));
  expect((await fetch(url)).status).toBe(410);
  booking.setClock(new Date());
});

test('BK-07: a photo comes when its moment is, from an admin, and what is none leaves nothing behind', async () => {
  const mona = say.customer();
  const car = await say.vehicle();
  const held = await say.held(mona, car.id, say.hoursAhead(48));
  const early = await ask(held.id, 'PICKUP');
  expect(early.errors[0]?.extensions).toMatchObject({ code: 'PHOTO_NOT_NOW', details: { field: 'input.moment', rule: 'status', status: 'HELD' } });
  await say.payment('authorised', held.uuid);
  expect((await ask(held.id, 'RETURN')).codes).toEqual(['PHOTO_NOT_NOW']);
  expect((await ask(held.id, 'PICKUP', mona)).codes).toEqual(['FORBIDDEN']);
  expect((await ask('bkg_01j0000000e008000000000000', 'PICKUP')).codes).toEqual(['NOT_FOUND']);
  const { url } = (await ask(held.id, 'PICKUP')).data.requestRentalPhoto;
  const before = { files: await files(), timers: (await booking.owner`select 1 from timers where kind = 'photoLeftover'`).length };
  const wrong = await send(url, Buffer.from('no picture at all, only words'));
  expect(wrong).toMatchObject({ status: 422, body: { errors: [{ extensions: { code: 'INVALID_IMAGE', details: { rule: 'content' } } }] } });
  // Cancelled between the address and the file: too late, and nothing stays.
  await say.cancel(mona, held.id);
  expect(await send(url, await photo())).toMatchObject({ body: { errors: [{ extensions: { code: 'PHOTO_NOT_NOW' } }] } });
  expect(await photos(mona, held.id)).toEqual([]);
  expect(await files()).toBe(before.files);
});
