import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import { eventually } from '../test/subgraphHarness.js';
import { AnswerReader, UnreadableAnswer } from './answerReader.js';
import { leanClient, type TextClient } from './leanClient.js';

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

interface Peer {
  port: number;
  /** All that were opened, in order. */
  sockets: Socket[];
  /** What came over each. */
  received: string[];
}

/** A server that answers each request, whole or not, with what `answer` says for its number. */
async function peer(answer: (socket: Socket, request: string, count: number) => void): Promise<Peer> {
  const [sockets, received]: [Socket[], string[]] = [[], []];
  let count = 0;
  const server = createServer((socket) => {
    const index = sockets.push(socket) - 1;
    received.push('');
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received[index] += chunk.toString('latin1');
      answer(socket, chunk.toString('latin1'), count++);
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  stops.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { port: (server.address() as AddressInfo).port, sockets, received };
}

function clientOf(port: number, more: { maxSockets?: number; connectTimeoutMs?: number } = {}): TextClient {
  const client = leanClient({ origin: new URL(`http://127.0.0.1:${port}`), maxSockets: 8, connectTimeoutMs: 2_000, maxAnswerBytes: 100_000, ...more });
  stops.push(() => client.close());
  return client;
}

const asked = {
  path: '/graphql',
  headers: { 'content-type': 'application/json' },
  body: '{}',
  signal: undefined,
  timeoutMs: 10_000,
  onLate: () => new Error('late'),
};
const withLength = (text: string, more = '') => `HTTP/1.1 200 OK\r\n${more}content-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`;

/** An answer in one of the forms that HTTP/1.1 has, and where it is cut. */
const framed = fc
  .record({
    text: fc.string({ unit: 'grapheme', maxLength: 300 }),
    form: fc.constantFrom('length', 'chunks', 'close'),
    early: fc.boolean(),
    sizes: fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }),
    cuts: fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 8 }),
    header: fc.constantFrom('x-other: content-length: 3\r\n', 'X-Content-Length: 9\r\n', 'Server: it\r\n', ''),
    trailer: fc.constantFrom('', 'x-sum: 1\r\n'),
  })
  .map(({ text, form, early, sizes, cuts, header, trailer }) => {
    const body = Buffer.from(text);
    const parts: Buffer[] = [Buffer.from(`${early ? 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n' : ''}HTTP/1.1 200 OK\r\n${header}`)];
    if (form === 'length') parts.push(Buffer.from(`Content-Length:${body.length}\r\n\r\n`), body);
    if (form === 'close') parts.push(Buffer.from('\r\n'), body);
    if (form === 'chunks') {
      parts.push(Buffer.from('Transfer-Encoding: chunked\r\n\r\n'));
      for (let at = 0, n = 0; at < body.length; n += 1) {
        const size = Math.min(sizes[n % sizes.length] as number, body.length - at);
        parts.push(Buffer.from(`${size.toString(16)}${n % 2 ? ';a=b' : ''}\r\n`), body.subarray(at, at + size), Buffer.from('\r\n'));
        at += size;
      }
      parts.push(Buffer.from(`0\r\n${trailer}\r\n`));
    }
    const bytes = Buffer.concat(parts);
    const pieces: Buffer[] = [];
    for (let at = 0, n = 0; at < bytes.length; n += 1) {
      pieces.push(bytes.subarray(at, at + (cuts[n % cuts.length] as number)));
      at += cuts[n % cuts.length] as number;
    }
    return { text: body.toString(), form, bytes, pieces };
  });

test('EN-04: an answer is read the same however it is framed and wherever it is cut, one after the other on one connection', () => {
  fc.assert(
    fc.property(fc.array(framed, { minLength: 1, maxLength: 4 }), (answers) => {
      let reader = new AnswerReader(100_000);
      for (const { text, form, pieces } of answers) {
        const found = pieces.map((piece) => reader.push(piece));
        const whole = form === 'close' ? reader.end() : found.at(-1);
        expect(whole).toMatchObject({ statusCode: 200, text });
        expect(found.slice(0, -1).every((answer) => answer === null)).toBe(true);
        expect((whole?.reusableMs ?? 0) > 0).toBe(form !== 'close');
        if (form === 'close') reader = new AnswerReader(100_000);
      }
    }),
    { numRuns: 300 },
  );
});

test('EN-04: whatever comes, a reader answers, waits for more or refuses, and keeps no more than it may', () => {
  fc.assert(
    fc.property(framed, fc.integer({ min: 0, max: 400 }), fc.uint8Array({ minLength: 1, maxLength: 4 }), ({ bytes }, at, noise) => {
      const broken = Buffer.from(bytes);
      broken.set(noise.subarray(0, Math.max(0, broken.length - (at % broken.length))), at % broken.length);
      const reader = new AnswerReader(1_000);
      try {
        expect([null, 'object']).toContain(reader.push(broken) === null ? null : 'object');
        reader.end();
      } catch (error) {
        expect(error).toBeInstanceOf(UnreadableAnswer);
      }
    }),
    { numRuns: 500 },
  );
});

test.each([
  ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nabc', 'NOT_HTTP'],
  ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n', 'NOT_HTTP'],
  ['compressed chunks', 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n', 'NOT_HTTP'],
  ['a header with a line break in it', 'HTTP/1.1 200 OK\r\nx-note: a\ncontent-length: 3\r\ncontent-length: 2\r\n\r\nabc', 'NOT_HTTP'],
  ['a length that is none', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n', 'NOT_HTTP'],
  ['a chunk without a size', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n', 'NOT_HTTP'],
  ['a chunk that is longer than it says', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nabcd\r\n', 'NOT_HTTP'],
  ['another protocol', 'SSH-2.0-OpenSSH_9.6\r\n\r\n', 'NOT_HTTP'],
  ['a change of protocol', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 'NOT_HTTP'],
  ['headers without an end', `HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(4_000)}`, 'NOT_HTTP'],
  ['a length beyond what may come', 'HTTP/1.1 200 OK\r\ncontent-length: 100001\r\n\r\n', 'ANSWER_TOO_LARGE'],
  [
    'more than may come, in chunks',
    `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${`2710\r\n${'x'.repeat(10_000)}\r\n`.repeat(11)}`,
    'ANSWER_TOO_LARGE',
  ],
])('EN-04: %s is refused, and its connection closed', async (_what, bytes, code) => {
  const { port, sockets } = await peer((socket) => void socket.write(bytes));
  await expect(clientOf(port).post(asked)).rejects.toMatchObject({ name: 'UnreadableAnswer', code });
  await eventually(() => sockets[0]?.destroyed || sockets[0]?.readableEnded, 'the connection to be closed');
});

test('EN-04: requests one after the other use one connection, those at once as many as are allowed, and the rest wait their turn', async () => {
  const held: Socket[] = [];
  const { port, sockets } = await peer((socket) => void held.push(socket));
  const client = clientOf(port, { maxSockets: 3 });
  const all = Array.from({ length: 7 }, (_, n) => client.post({ ...asked, body: String(n) }));
  let answered = 0;
  for (const one of all) one.then(() => (answered += 1));
  for (let n = 0; n < 7; n += 1) {
    await eventually(() => held.length > n, `request ${n}`);
    expect(held.length).toBeLessThanOrEqual(Math.min(7, 3 + answered));
    held[n]?.write(withLength('ok'));
  }
  expect((await Promise.all(all)).map(({ text }) => text)).toEqual(Array(7).fill('ok'));
  expect(sockets).toHaveLength(3);
});

test('EN-06: who leaves, or waits for too long, closes the connection: no later request gets that answer', async () => {
  const { port, sockets } = await peer((socket, request) => {
    if (request.includes('quick')) socket.write(withLength('quick'));
  });
  const client = clientOf(port, { maxSockets: 1 });
  const leaving = new AbortController();
  const left = client.post({ ...asked, body: 'slow', signal: leaving.signal });
  const queued = client.post({ ...asked, body: 'queued', signal: leaving.signal });
  await eventually(() => sockets.length === 1, 'the connection');
  leaving.abort(new Error('gone'));
  await expect(left).rejects.toThrow('gone');
  await expect(queued).rejects.toThrow('gone');
  await expect(client.post({ ...asked, body: 'slow', timeoutMs: 50 })).rejects.toThrow('late');
  expect((await client.post({ ...asked, body: 'quick' })).text).toBe('quick');
  expect(sockets).toHaveLength(3);
  await expect(client.post({ ...asked, signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before');
});

test.each([
  ['closes it', () => 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'],
  ['speaks HTTP/1.0', () => 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok'],
  ['keeps it for a second', () => 'HTTP/1.1 200 OK\r\nkeep-alive: timeout=1\r\ncontent-length: 2\r\n\r\nok'],
  ['says more than was asked', () => 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nno'],
])('EN-04: a connection is not used again when the peer %s', async (_what, answer) => {
  const { port, sockets } = await peer((socket) => void socket.write(answer()));
  const client = clientOf(port);
  for (let n = 0; n < 3; n += 1) expect((await client.post(asked)).text).toBe('ok');
  expect(sockets).toHaveLength(3);
});

test('EN-04: a peer that dies in the middle, is not there, or does not let in is an error that says so', async () => {
  const { port } = await peer((socket) => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf');
    socket.end();
  });
  await expect(clientOf(port).post(asked)).rejects.toMatchObject({ code: 'ANSWER_CUT_OFF' });
  const { port: silent } = await peer((socket) => void socket.resetAndDestroy());
  await expect(clientOf(silent).post(asked)).rejects.toMatchObject({ code: expect.stringMatching(/ECONNRESET|ANSWER_CUT_OFF/) });
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port: nobody } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  await expect(clientOf(nobody).post(asked)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});

test('EN-04: no header of a request becomes two, and Latin-1 and UTF-8 stay what they are', async () => {
  const { port, received } = await peer((socket) => void socket.write(withLength('ok')));
  const client = clientOf(port);
  await expect(client.post({ ...asked, headers: { authorization: 'a\r\nx-admin: 1' } })).rejects.toThrow('authorization');
  await client.post({ ...asked, headers: { 'x-name': 'café' }, body: '{"a":"قاهرة"}' });
  expect(received[0]).toContain('x-name: café\r\ncontent-length: 18\r\n\r\n');
  expect(Buffer.from(received[0]?.split('\r\n\r\n')[1] ?? '', 'latin1').toString()).toBe('{"a":"قاهرة"}');
});

test('EN-04: it gets from a server of Node’s own what that has to say, also in chunks and at length', async () => {
  const server = createHttpServer((request, response) => {
    request.resume().on('end', () => {
      response.write('x'.repeat(50_000));
      setImmediate(() => response.end('é'.repeat(20_000)));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  stops.push(
    () => server.closeAllConnections(),
    () => void server.close(),
  );
  const client = clientOf((server.address() as AddressInfo).port);
  const all = await Promise.all(Array.from({ length: 50 }, () => client.post(asked)));
  for (const { text } of all) expect(text).toBe('x'.repeat(50_000) + 'é'.repeat(20_000));
  client.close();
  await expect(client.post(asked)).rejects.toThrow('closed');
});
