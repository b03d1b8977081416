import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { amzDate, scopeOf, sha256, signatureV4 } from './s3Signature.js';
import { s3Storage } from './s3Storage.js';
import { readFilesConfig, type S3Config } from './storage.js';

const keys = { region: 'eu-central-1', accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a secret of the bucket' };
const files = new Map<string, { bytes: Buffer; type: string }>();
let broken: number | null = null;
let silent = false;
let now = new Date('2030-01-01T10:00:00Z');
let server: Server;
let endpoint: string;

/** Why a request is refused, by a signature that is reckoned anew from what arrived; null for one that fits. */
function refusalOf(request: IncomingMessage, url: URL, body: Buffer): [number, string] | null {
  const { 'X-Amz-Signature': presigned, ...query } = Object.fromEntries(url.searchParams);
  const parts = /Credential=([^,]+), SignedHeaders=([^,]+), Signature=(\w+)/.exec(request.headers.authorization ?? '');
  const [credential, names = '', signature] = presigned ? [query['X-Amz-Credential'], query['X-Amz-SignedHeaders'], presigned] : (parts?.slice(1) ?? []);
  const date = query['X-Amz-Date'] ?? String(request.headers['x-amz-date']);
  const bodyHash = presigned ? 'UNSIGNED-PAYLOAD' : String(request.headers['x-amz-content-sha256']);
  if (!presigned && bodyHash !== sha256(body)) return [400, 'XAmzContentSHA256Mismatch'];
  if (credential !== `${keys.accessKeyId}/${scopeOf(date, keys.region)}`) return [403, 'InvalidAccessKeyId'];
  const sentAt = Date.parse(date.replace(/(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z/, '$1-$2-$3T$4:$5:$6Z'));
  if (now.getTime() > sentAt + Number(query['X-Amz-Expires'] ?? 900) * 1000) return [403, 'AccessDenied'];
  const headers = Object.fromEntries(names.split(';').map((name) => [name, String(request.headers[name])]));
  const expected = signatureV4({ method: request.method ?? '', path: url.pathname, query, headers, bodyHash }, date, keys);
  if (expected !== signature) return [403, 'SignatureDoesNotMatch'];
  return url.pathname.startsWith('/pictures/') ? null : [404, 'NoSuchBucket'];
}

/** A small server that speaks as much S3 as we do. */
async function speakS3(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (silent) return;
  const body = Buffer.concat(chunks);
  const url = new URL(request.url ?? '', endpoint);
  const file = files.get(url.pathname);
  const unread: [number, string] | null = request.method === 'GET' && !file ? [404, 'NoSuchKey'] : null;
  const refusal = broken ? ([broken, 'SlowDown'] as const) : (refusalOf(request, url, body) ?? unread);
  if (refusal) return void response.writeHead(refusal[0]).end(`<Error><Code>${refusal[1]}</Code></Error>`);
  if (request.method === 'PUT') files.set(url.pathname, { bytes: body, type: String(request.headers['content-type']) });
  if (request.method === 'DELETE') files.delete(url.pathname);
  if (request.method !== 'GET') return void response.writeHead(request.method === 'DELETE' ? 204 : 200).end();
  const told = (name: string, fallback = '') => url.searchParams.get(name) ?? fallback;
  response.writeHead(200, {
    'content-type': told('response-content-type', file?.type),
    'content-disposition': told('response-content-disposition'),
  });
  response.end(file?.bytes);
}

beforeAll(async () => {
  server = createServer((request, response) => void speakS3(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const open = (more: Partial<S3Config> = {}) =>
  s3Storage({ ...keys, endpoint, bucket: 'pictures', timeoutMs: 2_000, subgraph: 'fleet', clock: () => now, ...more });
const bytes = Buffer.from([0, 1, 2, 255]);

test('FL-06: AWS’s own example of a signature comes out as AWS prints it', () => {
  // https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html
  const date = amzDate(new Date('2013-05-24T00:00:00Z'));
  const query = {
    'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
    'X-Amz-Credential': `AKIAIOSFODNN7EXAMPLE/${scopeOf(date, 'us-east-1')}`,
    'X-Amz-Date': date,
    'X-Amz-Expires': '86400',
    'X-Amz-SignedHeaders': 'host',
  };
  const request = { method: 'GET', path: '/test.txt', query, headers: { host: 'examplebucket.s3.amazonaws.com' }, bodyHash: 'UNSIGNED-PAYLOAD' };
  const example = { region: 'us-east-1', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
  expect(signatureV4(request, date, example)).toBe('aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404');
});

test('FL-06: what is put is there, is read again, and is gone once it is deleted; what is not there is null', async () => {
  const storage = open();
  expect(await storage.get('vehicles/1/full.webp')).toBeNull();
  await storage.put('vehicles/1/full.webp', bytes);
  expect(files.get('/pictures/fleet/vehicles/1/full.webp')).toEqual({ bytes, type: 'image/webp' });
  expect(await storage.get('vehicles/1/full.webp')).toEqual(bytes);
  await storage.put('vehicles/1/full.webp', Buffer.from('second'));
  expect((await storage.get('vehicles/1/full.webp'))?.toString()).toBe('second');
  await storage.delete('vehicles/1/full.webp');
  await storage.delete('vehicles/1/full.webp');
  expect(await storage.get('vehicles/1/full.webp')).toBeNull();
  await expect(async () => storage.get('../secrets.txt')).rejects.toThrow('no key of a file');
});

test('FL-06: a signed address opens the file for whoever has it, until it ends, and nothing else', async () => {
  const storage = open();
  await storage.put('agreements/1.pdf', bytes);
  const url = storage.signedUrl('agreements/1.pdf', new Date(now.getTime() + 60_000), 'Agreement "1".pdf');
  const answer = await fetch(url);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'application/pdf']);
  expect(answer.headers.get('content-disposition')).toBe('inline; filename="Agreement__1_.pdf"');
  expect(Buffer.from(await answer.arrayBuffer())).toEqual(bytes);
  for (const forged of [url.replace('1.pdf?', '2.pdf?'), url.replace('X-Amz-Expires=60', 'X-Amz-Expires=600'), `${url}0`]) {
    expect((await fetch(forged)).status).toBe(403);
  }
  now = new Date(now.getTime() + 61_000);
  expect((await fetch(url)).status).toBe(403);
});

test('FL-06: another secret, another bucket, a bucket that fails and one that says nothing are errors, not missing files', async () => {
  await expect(open({ secretAccessKey: 'another' }).get('a/b.png')).rejects.toThrow('403 SignatureDoesNotMatch');
  await expect(open({ bucket: 'other' }).put('a/b.png', bytes)).rejects.toThrow('404 NoSuchBucket');
  broken = 503;
  await expect(open().delete('a/b.png')).rejects.toThrow('503 SlowDown');
  broken = null;
  silent = true;
  await expect(open({ timeoutMs: 50 }).get('a/b.png')).rejects.toThrow();
  silent = false;
});

test('FL-06: a bucket is configured whole or not at all', () => {
  const env = { S3_ENDPOINT: 'https://s3.example.com', S3_BUCKET: 'files', S3_ACCESS_KEY_ID: 'id', S3_SECRET_ACCESS_KEY: 'secret' };
  expect(readFilesConfig({}).s3).toBeNull();
  expect(readFilesConfig(env).s3).toEqual({
    endpoint: 'https://s3.example.com',
    bucket: 'files',
    region: 'us-east-1',
    accessKeyId: 'id',
    secretAccessKey: 'secret',
    timeoutMs: 10_000,
  });
  expect(() => readFilesConfig({ S3_BUCKET: 'files' })).toThrow(/S3_ENDPOINT/);
  expect(() => readFilesConfig({ ...env, S3_SECRET_ACCESS_KEY: undefined })).toThrow(/S3_SECRET_ACCESS_KEY/);
});
