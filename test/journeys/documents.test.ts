import { randomUUID } from 'node:crypto';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DEMO_ACCOUNTS, DEMO_PASSWORD } from '../../platform/demoAccounts.js';
import { startGraph, type TestGraph } from '../graphHarness.js';
import { eventually } from '../subgraphHarness.js';

const CAR = 'veh_01j0000000e00800g000000007';
const WHEN = { pickupAt: '2033-05-03T10:00:00+03:00', returnAt: '2033-05-05T10:00:00+03:00' };

describe.each(['one', 'split'] as const)('files through the one public port, layout %s', (layout) => {
  let graph: TestGraph;
  const tokens: Record<string, string> = {};
  beforeAll(async () => {
    graph = await startGraph(layout);
    for (const account of ['admin', 'customer', 'customer2'] as const) {
      const { signIn } = await graph.anonymous().SignIn({ input: { email: DEMO_ACCOUNTS[account].email, password: DEMO_PASSWORD } });
      tokens[account] = signIn.accessToken;
    }
  }, 120_000);
  afterAll(() => graph[Symbol.asyncDispose]());

  async function ask<T>(account: string, query: string, variables: Record<string, unknown> = {}): Promise<T> {
    const { json } = await graph.post({ query, variables }, { authorization: `Bearer ${tokens[account]}` });
    expect(json.errors).toBeUndefined();
    return json.data as unknown as T;
  }
  const put = (url: string, bytes: Buffer) => fetch(url, { method: 'PUT', headers: { 'content-type': 'image/jpeg' }, body: new Uint8Array(bytes) });

  test('FL-06: a picture larger than any other body goes up, and its renditions come down with their headers', { timeout: 120_000 }, async () => {
    const requested = await ask<{ requestImageUpload: { id: string; url: string } }>(
      'admin',
      'mutation($input: RequestImageUploadInput!) { requestImageUpload(input: $input) { id url } }',
      { input: { vehicleId: CAR, fileName: 'a.jpg', contentType: 'image/jpeg', alt: 'The car' } },
    );
    const { id, url } = requested.requestImageUpload;
    expect(url.startsWith(graph.url)).toBe(true);
    const noise = { width: 1500, height: 1500, channels: 3 as const, background: '#888', noise: { type: 'gaussian' as const, mean: 128, sigma: 60 } };
    const photo = await sharp({ create: noise }).jpeg({ quality: 95 }).toBuffer();
    // More than the megabyte of any other request.
    expect(photo.length).toBeGreaterThan(1024 * 1024);
    const large = await put(url, Buffer.concat([photo, Buffer.alloc(11 * 1024 * 1024)]));
    expect(large.status).toBe(413);
    expect(await large.json()).toMatchObject({ errors: [{ extensions: { code: 'INVALID_REQUEST', details: { field: 'body', rule: 'max_bytes' } } }] });
    expect((await put(url, Buffer.from('no picture at all'))).status).toBe(422);
    expect((await put(url, photo)).status).toBe(201);
    await eventually(
      async () =>
        (await ask<{ imageUpload: { status: string } }>('admin', 'query($id: ID!) { imageUpload(id: $id) { status } }', { id })).imageUpload.status === 'READY',
      'the renditions',
      60_000,
    );
    const { vehicle } = await ask<{ vehicle: { images: { url: string; variants: { url: string }[] }[] } }>(
      'customer',
      `{ vehicle(id: "${CAR}") { images { url variants(size: THUMB, format: WEBP) { url } } } }`,
    );
    const file = await fetch(vehicle.images[0]?.variants[0]?.url ?? '');
    expect(file.status).toBe(200);
    expect(file.headers.get('content-type')).toBe('image/webp');
    expect(file.headers.get('cache-control')).toContain('immutable');
    expect((await sharp(Buffer.from(await file.arrayBuffer())).metadata()).width).toBe(320);
  });

  test('BK-11: booked, the agreement is made with names and plate from the graph, read, signed on its page, and the booking says so', {
    timeout: 120_000,
  }, async () => {
    const { quoteRental } = await ask<{ quoteRental: { id: string } }>(
      'customer',
      'mutation($input: QuoteRentalInput!) { quoteRental(input: $input) { id } }',
      {
        input: { vehicleId: 'veh_01j0000000e00800g000000008', ...WHEN },
      },
    );
    const { createBooking } = await ask<{ createBooking: { id: string } }>(
      'customer',
      'mutation($input: CreateBookingInput!) { createBooking(input: $input) { id } }',
      {
        input: { quoteId: quoteRental.id, paymentMethod: 'CARD', paymentToken: 'tok_ok', idempotencyKey: randomUUID() },
      },
    );
    interface Agreement {
      status: string;
      url: string;
      signUrl: string | null;
      signedAt: string | null;
    }
    const look = async () => {
      const query = 'query($id: ID!) { booking(id: $id) { agreement { status url signUrl signedAt } } }';
      return (await ask<{ booking: { agreement: Agreement | null } }>('customer', query, { id: createBooking.id })).booking.agreement;
    };
    const became = (status: string) =>
      eventually(async () => {
        const agreement = await look();
        return agreement?.status === status ? agreement : null;
      }, `the agreement to be ${status}`);
    const sent = await became('SENT');
    const pdf = await fetch(sent.url);
    expect(pdf.headers.get('content-type')).toBe('application/pdf');
    expect(
      Buffer.from(await pdf.arrayBuffer())
        .subarray(0, 5)
        .toString(),
    ).toBe('%PDF-');
    const page = await fetch(sent.signUrl ?? '');
    expect(await page.text()).toContain('Mona Customer');
    const frame = await fetch(`${sent.signUrl}/document`);
    expect(frame.headers.get('x-frame-options')).toBe('SAMEORIGIN');
    const form = new URLSearchParams({ decision: 'sign', name: 'Mona Customer', agreed: 'yes' });
    expect((await fetch(sent.signUrl ?? '', { method: 'POST', body: form })).status).toBe(200);
    expect((await became('SIGNED')).signedAt).not.toBeNull();
    const forged = await fetch(`${graph.url}/webhooks/signatures/local`, { method: 'POST', body: '{}' });
    expect(forged.status).toBe(401);
    const other = await graph.post({ query: `{ booking(id: "${createBooking.id}") { agreement { url } } }` }, { authorization: `Bearer ${tokens.customer2}` });
    expect(other.json.data).toEqual({ booking: null });
  });
});
