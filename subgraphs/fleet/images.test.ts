import { randomUUID } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ANONYMOUS } from '../../platform/actor.js';
import { createLog } from '../../platform/log.js';
import { serveSubgraph } from '../../platform/serveSubgraph.js';
import { eventually, startTestSubgraph, TEST_SECRET, type TestSubgraph, user } from '../../test/subgraphHarness.js';
import { startFleet } from './main.js';

let fleet: TestSubgraph;
let dir: string;
let origin: string;
let served: Awaited<ReturnType<typeof serveSubgraph>>;
const admin = user('ADMIN');

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), 'waygraph-images-'));
  fleet = await startTestSubgraph('fleet', (environment) =>
    startFleet({ ...environment, graphUrl: () => `${origin}/graphql` }, { storageDir: dir, publicOrigin: null }),
  );
  const { environment, subgraph } = fleet;
  served = await serveSubgraph(subgraph, {
    port: 0,
    internalSecret: TEST_SECRET,
    log: createLog({ service: 'test', level: 'fatal' }),
    clock: environment.clock,
  });
  origin = `http://127.0.0.1:${served.port}`;
  await subgraph.seedDemo();
});
afterAll(async () => {
  await served.stop();
  await fleet[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

interface Ticket {
  id: string;
  url: string;
  contentType: string;
}
const REQUEST = 'mutation($input: RequestImageUploadInput!) { requestImageUpload(input: $input) { id url contentType maxBytes expiresAt } }';
const ask = (vehicleId: string, more: Record<string, unknown> = {}) =>
  fleet.run<{ requestImageUpload: Ticket }>(admin, REQUEST, {
    input: { vehicleId, fileName: 'Front.JPG', contentType: 'image/jpeg', alt: 'The front', ...more },
  });
const send = (ticket: Ticket, bytes: Buffer, contentType = ticket.contentType) =>
  fetch(ticket.url, { method: 'PUT', headers: { 'content-type': contentType }, body: new Uint8Array(bytes) });
const refusal = async (response: Response) => {
  const body = (await response.json()) as { errors: { extensions: { code: string; details: { field: string; rule: string } } }[] };
  const { code, details } = body.errors[0]?.extensions ?? { code: '', details: { field: '', rule: '' } };
  return { status: response.status, code, field: details?.field, rule: details?.rule };
};
const uploadOf = async (id: string) =>
  (await fleet.run<{ imageUpload: { status: string; percent: number } | null }>(admin, 'query($id: ID!) { imageUpload(id: $id) { status percent } }', { id }))
    .data.imageUpload;
const ready = (id: string) => eventually(async () => (await uploadOf(id))?.status === 'READY', 'the renditions');
const IMAGES = 'query($id: ID) { vehicle(id: $id) { images { id alt url width height variants { size format url width height bytes } } } }';
interface Shown {
  vehicle: {
    images: {
      id: string;
      alt: string;
      url: string;
      width: number;
      variants: { size: string; format: string; url: string; width: number; height: number; bytes: number }[];
    }[];
  };
}
const imagesOf = async (id: string) => (await fleet.run<Shown>(ANONYMOUS, IMAGES, { id })).data.vehicle.images;
const filesIn = async () => (await readdir(dir, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => entry.name);
const rows = async () => (await fleet.owner`select count(*)::int as n from vehicle_images`)[0]?.n as number;
const jobs = async () => (await fleet.owner`select count(*)::int as n from timers`)[0]?.n as number;

/** A car of the seed that no other test gives pictures. */
let next = 0;
async function newCar(): Promise<string> {
  const { data } = await fleet.run<{ vehicles: { nodes: { id: string }[] } }>(ANONYMOUS, '{ vehicles(first: 20) { nodes { id } } }');
  return data.vehicles.nodes[next++]?.id as string;
}

/** A photo as a phone takes it: lying on its side, and with the place where it was taken. */
const photo = (width = 1800, height = 1200) =>
  sharp({ create: { width, height, channels: 3, background: '#3a7' } })
    .withExif({ IFD0: { Make: 'Phone', Copyright: 'Somebody' }, IFD3: { GPSLatitude: '30/1 2/1 3/1' } })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer();

/** A PNG of zeros: 1 bit a pixel, `side` pixels each way, packed into next to nothing. */
function bomb(side: number): Buffer {
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(side, 0);
  header.writeUInt32BE(side, 4);
  header.set([1, 0, 0, 0, 0], 8);
  const pixels = deflateSync(Buffer.alloc((Math.ceil(side / 8) + 1) * side), { level: 9 });
  return Buffer.concat([Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', header), chunk('IDAT', pixels), chunk('IEND', Buffer.alloc(0))]);
}

test('FL-06: an uploaded photo becomes renditions that everybody sees, turned upright, without what it knew of place and camera', async () => {
  const car = await newCar();
  const { data, errors } = await ask(car);
  expect(errors).toEqual([]);
  const ticket = data.requestImageUpload;
  expect(await uploadOf(ticket.id)).toBeNull();
  const answer = await send(ticket, await photo());
  expect(answer.status).toBe(201);
  expect(await answer.json()).toEqual({ imageId: ticket.id, status: 'PROCESSING', percent: 0 });
  await ready(ticket.id);
  const [image, ...others] = await imagesOf(car);
  expect(others).toEqual([]);
  expect(image).toMatchObject({ id: ticket.id, alt: 'The front', width: 1067, height: 1600 });
  expect(image?.variants.map(({ size, format, width }) => `${size} ${format} ${width}`)).toEqual([
    'THUMB WEBP 213',
    'THUMB AVIF 213',
    'CARD WEBP 533',
    'CARD AVIF 533',
    'FULL WEBP 1067',
    'FULL AVIF 1067',
  ]);
  for (const variant of image?.variants ?? []) {
    const file = await fetch(variant.url);
    expect(file.status).toBe(200);
    expect(file.headers.get('content-type')).toBe(`image/${variant.format.toLowerCase()}`);
    expect(file.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(file.headers.get('x-content-type-options')).toBe('nosniff');
    const bytes = Buffer.from(await file.arrayBuffer());
    expect(bytes.length).toBe(variant.bytes);
    const facts = await sharp(bytes).metadata();
    expect({ width: facts.width, height: facts.height, exif: facts.exif, orientation: facts.orientation }).toEqual({
      width: variant.width,
      height: variant.height,
      exif: undefined,
      orientation: undefined,
    });
    expect((await fetch(variant.url, { headers: { 'if-none-match': file.headers.get('etag') ?? '' } })).status).toBe(304);
  }
  // The original knows where it was taken, and is not kept.
  await eventually(async () => (await filesIn()).filter((name) => name.startsWith('original')).length === 0, 'the original to be gone');
});

test('FL-06: progress can be watched while the renditions are made', async () => {
  const { data } = await ask(await newCar());
  await send(data.requestImageUpload, await photo(3000, 2000));
  const seen = new Set<number>();
  await eventually(async () => {
    const upload = await uploadOf(data.requestImageUpload.id);
    seen.add(upload?.percent ?? -1);
    return upload?.status === 'READY';
  }, 'the renditions');
  expect([...seen]).toEqual([...seen].sort((a, b) => a - b));
  expect(seen.size).toBeGreaterThan(2);
  expect(seen.has(100)).toBe(true);
});

test('FL-06: what is no good picture is refused by what it holds, with its field and rule, and leaves no row, file or job', async () => {
  const car = await newCar();
  const before = { rows: await rows(), files: (await filesIn()).length, jobs: await jobs() };
  const ticket = async (contentType: string, fileName: string) => (await ask(car, { contentType, fileName })).data.requestImageUpload;
  const jpeg = await photo(400, 300);
  const png = await sharp(jpeg).png().toBuffer();
  const wrong: [name: string, ticket: Ticket, bytes: Buffer, type: string | undefined, expected: object][] = [
    [
      'text',
      await ticket('image/jpeg', 'a.jpg'),
      Buffer.from('this is a text and no picture at all'),
      undefined,
      { status: 422, field: 'body', rule: 'content' },
    ],
    [
      'SVG',
      await ticket('image/png', 'a.png'),
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>'),
      undefined,
      { field: 'body', rule: 'content' },
    ],
    ['nothing', await ticket('image/png', 'a.png'), Buffer.alloc(0), undefined, { field: 'body', rule: 'content' }],
    ['half a photo', await ticket('image/jpeg', 'a.jpg'), jpeg.subarray(0, jpeg.length / 2), undefined, { field: 'body', rule: 'content' }],
    [
      'a beginning only',
      await ticket('image/jpeg', 'a.jpg'),
      Buffer.concat([jpeg.subarray(0, 20), Buffer.alloc(5000)]),
      undefined,
      { field: 'body', rule: 'content' },
    ],
    ['a PNG called JPEG', await ticket('image/jpeg', 'a.jpg'), png, undefined, { status: 415, field: 'body', rule: 'type' }],
    ['another content-type', await ticket('image/jpeg', 'a.jpg'), jpeg, 'image/png', { status: 415, field: 'content-type', rule: 'type' }],
    ['a bomb', await ticket('image/png', 'a.png'), bomb(20_000), undefined, { status: 422, field: 'body', rule: 'max_pixels' }],
  ];
  for (const [name, to, bytes, type, expected] of wrong) {
    expect({ name, ...(await refusal(await send(to, bytes, type))) }).toMatchObject({ name, code: 'INVALID_IMAGE', ...expected });
  }
  const large = await send(await ticket('image/jpeg', 'a.jpg'), Buffer.concat([jpeg, Buffer.alloc(10 * 1024 * 1024)]));
  expect(await refusal(large)).toEqual({ status: 413, code: 'INVALID_REQUEST', field: 'body', rule: 'max_bytes' });
  expect({ rows: await rows(), files: (await filesIn()).length, jobs: await jobs() }).toEqual(before);
});

test('FL-06: an upload is agreed for a type, a name that fits it, and a car that is there', async () => {
  const car = await newCar();
  const details = async (more: Record<string, unknown>) => {
    const { codes, errors } = await ask(car, more);
    return [codes[0], errors[0]?.extensions.details];
  };
  expect(await details({ contentType: 'image/gif', fileName: 'a.gif' })).toMatchObject(['INVALID_IMAGE', { field: 'input.contentType', rule: 'type' }]);
  expect(await details({ contentType: 'image/svg+xml', fileName: 'a.svg' })).toMatchObject(['INVALID_IMAGE', { field: 'input.contentType', rule: 'type' }]);
  expect(await details({ fileName: 'a.exe' })).toMatchObject(['INVALID_IMAGE', { field: 'input.fileName', rule: 'extension' }]);
  expect(await details({ fileName: 'noextension' })).toMatchObject(['INVALID_IMAGE', { field: 'input.fileName', rule: 'extension' }]);
  expect(await details({ alt: ' ' })).toMatchObject(['VALIDATION_ERROR', { field: 'input.alt', rule: 'too_small' }]);
  expect(await details({ vehicleId: 'veh_01j0000000e008000000000000' })).toMatchObject(['NOT_FOUND', { field: 'input.vehicleId' }]);
  for (const stranger of [ANONYMOUS, user('CUSTOMER'), user('PARTNER')]) {
    const refused = await fleet.run(stranger, REQUEST, { input: { vehicleId: car, fileName: 'a.jpg', contentType: 'image/jpeg', alt: 'x' } });
    expect(refused.codes).toEqual([stranger.kind === 'ANONYMOUS' ? 'UNAUTHENTICATED' : 'FORBIDDEN']);
  }
});

test('FL-06: an upload address is good for one picture, for a while, and cannot be changed', async () => {
  const car = await newCar();
  const ticket = (await ask(car)).data.requestImageUpload;
  const bytes = await photo(300, 200);
  const forged = ticket.url.replace(/[^/.]+(?=\.)(?!.*\/)/, (body) => {
    const link = JSON.parse(Buffer.from(body, 'base64url').toString());
    link.payload.alt = 'forged';
    return Buffer.from(JSON.stringify(link)).toString('base64url');
  });
  expect(forged).not.toBe(ticket.url);
  expect(await refusal(await send({ ...ticket, url: forged }, bytes))).toMatchObject({ status: 404, code: 'NOT_FOUND', rule: 'signature' });
  expect((await send(ticket, bytes)).status).toBe(201);
  // Sent once more, as a client does that did not get the answer: one picture.
  expect((await send(ticket, bytes)).status).toBe(201);
  expect((await fleet.owner`select 1 from vehicle_images v join vehicles c on c.id = v.vehicle_id where v.alt = 'The front' and v.width = 200`).length).toBe(1);
  await ready(ticket.id);
  const late = (await ask(car)).data.requestImageUpload;
  fleet.setClock(new Date(Date.now() + 16 * 60_000));
  expect(await refusal(await send(late, bytes))).toMatchObject({ status: 410, code: 'LINK_EXPIRED', rule: 'expired' });
  fleet.setClock(new Date());
});

test('FL-06: an admin orders pictures and deletes them, and their files go too', async () => {
  const car = await newCar();
  const ids: string[] = [];
  for (const alt of ['first', 'second', 'third']) {
    const { id, ...ticket } = (await ask(car, { alt })).data.requestImageUpload;
    await send({ id, ...ticket }, await photo(400, 300));
    await ready(id);
    ids.push(id);
  }
  const order = 'mutation($vehicleId: ID!, $imageIds: [ID!]!) { orderVehicleImages(vehicleId: $vehicleId, imageIds: $imageIds) { images { alt } } }';
  const [a, b, c] = ids as [string, string, string];
  const ordered = await fleet.run<{ orderVehicleImages: { images: { alt: string }[] } }>(admin, order, { vehicleId: car, imageIds: [c, a, b] });
  expect(ordered.data.orderVehicleImages.images.map(({ alt }) => alt)).toEqual(['third', 'first', 'second']);
  expect((await imagesOf(car)).map(({ alt }) => alt)).toEqual(['third', 'first', 'second']);
  const some = await fleet.run(admin, order, { vehicleId: car, imageIds: [c, a] });
  expect(some.errors[0]?.extensions).toMatchObject({ code: 'VALIDATION_ERROR', details: { field: 'imageIds', rule: 'all_once' } });
  expect((await fleet.run(admin, order, { vehicleId: car, imageIds: [c, c, a] })).codes).toEqual(['VALIDATION_ERROR']);
  const gone = (await imagesOf(car)).find(({ id }) => id === a);
  const remove = 'mutation($id: ID!) { deleteVehicleImage(id: $id) { images { alt } } }';
  const removed = await fleet.run<{ deleteVehicleImage: { images: { alt: string }[] } }>(admin, remove, { id: a });
  expect(removed.data.deleteVehicleImage.images.map(({ alt }) => alt)).toEqual(['third', 'second']);
  await eventually(async () => (await fetch(gone?.url ?? '')).status === 404, 'the files to be gone');
  expect((await fleet.run(admin, remove, { id: a })).codes).toEqual(['NOT_FOUND']);
  for (const query of ['imageUploads { id }']) {
    const { codes } = await fleet.run(user('CUSTOMER'), `query($id: ID) { vehicle(id: $id) { ${query} } }`, { id: car });
    expect(codes).toEqual(['FORBIDDEN']);
  }
});

test('FL-06: a vehicle has at most twenty pictures, and a retired one gets none', async () => {
  const car = await newCar();
  const [row] = await fleet.owner`select v.id from vehicles v order by v.daily_rate_minor, v.id limit 1 offset ${next - 1}`;
  await fleet.owner`insert into vehicle_images (id, vehicle_id, status, format, alt, place, width, height, variants, created_at, updated_at)
    select gen_random_uuid(), ${row?.id}, 'READY', 'jpeg', 'x', n, 1, 1, '[]', now(), now() from generate_series(0, 19) n`;
  const full = await ask(car);
  expect(full.errors[0]?.extensions).toMatchObject({ code: 'TOO_MANY_IMAGES', details: { field: 'input.vehicleId', rule: 'max_images' } });
  await fleet.owner`delete from vehicle_images where vehicle_id = ${row?.id}`;
  const ticket = (await ask(car)).data.requestImageUpload;
  await fleet.run(admin, 'mutation($id: ID!) { retireVehicle(id: $id) { id } }', { id: car });
  const files = (await filesIn()).length;
  expect(await refusal(await send(ticket, await photo(300, 200)))).toMatchObject({ code: 'VEHICLE_RETIRED' });
  expect((await filesIn()).length).toBe(files);
  expect((await ask(car)).codes).toEqual(['VEHICLE_RETIRED']);
});

test('FL-06: files of an upload whose process died before it wrote them down are taken away', async () => {
  const { imageTimers } = await import('./imageUploads.js');
  const { diskStorage } = await import('../../platform/storage.js');
  const storage = diskStorage({ dir, subgraph: 'fleet', secret: TEST_SECRET, origin: () => origin, clock: () => new Date() });
  const id = randomUUID();
  await storage.put(`vehicles/${id}/original.jpeg`, await photo(10, 10));
  expect(Object.keys(imageTimers(storage))).toContain('imageLeftovers');
  await fleet.owner`insert into timers (id, kind, key, payload, due_at, metadata) values (gen_random_uuid(), 'imageLeftovers', ${id}, '{}', now(), '{}')`;
  await eventually(async () => (await storage.get(`vehicles/${id}/original.jpeg`)) === null, 'the file to be gone');
});
