import { request } from 'undici';
import { amzDate, encodeS3, queryString, scopeOf, sha256, signatureV4, UNSIGNED_PAYLOAD } from './s3Signature.js';
import { contentTypeOf, FILE_KEY, type S3Config, type ServedStorage } from './storage.js';

/** A presigned address is good for seven days at most, says S3. */
const MAX_LINK_S = 7 * 24 * 3600;
/** Larger answers are none of ours: pictures have a limit, and what we make is small. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;

/**
 * Files in a bucket, below the subgraph's own prefix. Signed addresses are those of the bucket, so that files do not pass through us. What a bucket answers but
 * 200, 204 and, for what is not there, 404 is an error that says so; whoever works through the port tries again.
 */
export function s3Storage(options: S3Config & { subgraph: string; clock: () => Date }): ServedStorage {
  const { endpoint, bucket, subgraph, clock, timeoutMs, accessKeyId } = options;
  const base = new URL(endpoint);
  const pathOf = (key: string) => {
    if (!FILE_KEY.test(key)) throw new Error(`no key of a file: ${key}`);
    return `/${[bucket, subgraph, ...key.split('/')].map(encodeS3).join('/')}`;
  };
  const call = async (method: 'GET' | 'PUT' | 'DELETE', key: string, body: Buffer | null = null) => {
    const path = pathOf(key);
    const date = amzDate(clock());
    const bodyHash = sha256(body ?? '');
    const headers = {
      host: base.host,
      'x-amz-content-sha256': bodyHash,
      'x-amz-date': date,
      ...(body && { 'content-type': contentTypeOf(key) }),
    };
    const signature = signatureV4({ method, path, query: {}, headers, bodyHash }, date, options);
    const signed = Object.keys(headers).sort().join(';');
    const authorization = `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scopeOf(date, options.region)}, SignedHeaders=${signed}, Signature=${signature}`;
    const signal = AbortSignal.timeout(timeoutMs);
    const answer = await request(new URL(path, base), { method, headers: { ...headers, authorization }, body, signal });
    if (answer.statusCode === 404 && method !== 'PUT') {
      await answer.body.dump();
      return null;
    }
    if (answer.statusCode !== 200 && answer.statusCode !== 204) {
      const code = /<Code>(\w+)<\/Code>/.exec(await answer.body.text())?.[1] ?? 'no code';
      throw new Error(`the storage answers ${method} with ${answer.statusCode} ${code}`);
    }
    if (Number(answer.headers['content-length'] ?? 0) > MAX_FILE_BYTES) {
      answer.body.destroy();
      throw new Error('the storage answers with a file that is larger than any of ours');
    }
    return Buffer.from(await answer.body.arrayBuffer());
  };
  return {
    routes: [],
    get: (key) => call('GET', key),
    put: async (key, bytes) => void (await call('PUT', key, bytes)),
    delete: async (key) => void (await call('DELETE', key)),
    signedUrl(key, expiresAt, name) {
      const now = clock();
      const date = amzDate(now);
      const path = pathOf(key);
      const lasts = Math.min(MAX_LINK_S, Math.max(1, Math.floor((expiresAt.getTime() - now.getTime()) / 1000)));
      const query = {
        'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
        'X-Amz-Credential': `${accessKeyId}/${scopeOf(date, options.region)}`,
        'X-Amz-Date': date,
        'X-Amz-Expires': String(lasts),
        'X-Amz-SignedHeaders': 'host',
        // Personal: for the one who asked, and for as long as looking at a page takes.
        'response-cache-control': 'private, max-age=300',
        'response-content-type': contentTypeOf(key),
        ...(name && { 'response-content-disposition': `inline; filename="${name.replace(/[^\w.-]/g, '_')}"` }),
      };
      const signature = signatureV4({ method: 'GET', path, query, headers: { host: base.host }, bodyHash: UNSIGNED_PAYLOAD }, date, options);
      return `${base.origin}${path}?${queryString(query)}&X-Amz-Signature=${signature}`;
    },
  };
}
