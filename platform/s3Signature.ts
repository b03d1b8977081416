import { createHash, createHmac } from 'node:crypto';

/** Who calls S3, and where. */
export interface S3Credentials {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
}

/** Of which request a signature is; header names in lower case. */
export interface SignedRequest {
  method: string;
  /** Path as it is sent, already encoded. */
  path: string;
  query: Readonly<Record<string, string>>;
  headers: Readonly<Record<string, string>>;
  /** SHA-256 of the body in hex, or UNSIGNED-PAYLOAD. */
  bodyHash: string;
}

export const UNSIGNED_PAYLOAD = 'UNSIGNED-PAYLOAD';
export const sha256 = (bytes: string | Buffer) => createHash('sha256').update(bytes).digest('hex');
const mac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** As AWS encodes: everything but letters, digits and `-_.~`. */
export const encodeS3 = (text: string) => encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

export const queryString = (query: Readonly<Record<string, string>>) =>
  Object.keys(query)
    .sort()
    .map((name) => `${encodeS3(name)}=${encodeS3(query[name] ?? '')}`)
    .join('&');

/** `20261129T010203Z`, as AWS writes a moment. */
export const amzDate = (at: Date) => at.toISOString().replace(/[-:]|\.\d{3}/g, '');
export const scopeOf = (date: string, region: string) => `${date.slice(0, 8)}/${region}/s3/aws4_request`;

/**
 * AWS Signature Version 4 of a request to S3, in hex (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html): signs method, path, query, the
 * headers that are given, and the body's hash.
 */
export function signatureV4(request: SignedRequest, date: string, { region, secretAccessKey }: Omit<S3Credentials, 'accessKeyId'>): string {
  const names = Object.keys(request.headers).sort();
  const headers = names.map((name) => `${name}:${request.headers[name]?.trim()}\n`).join('');
  const canonical = [request.method, request.path, queryString(request.query), headers, names.join(';'), request.bodyHash].join('\n');
  const text = ['AWS4-HMAC-SHA256', date, scopeOf(date, region), sha256(canonical)].join('\n');
  const key = ['s3', 'aws4_request'].reduce((from, part) => mac(from, part), mac(mac(`AWS4${secretAccessKey}`, date.slice(0, 8)), region));
  return mac(key, text).toString('hex');
}
