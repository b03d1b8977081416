import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { parseEnvironment } from './config.js';
import type { S3Credentials } from './s3Signature.js';
import { linkSigner } from './signedLinks.js';
import type { Route } from './subgraph.js';

/**
 * Where files lie: a folder, or what speaks S3. Keys are paths of lower-case letters, digits and dashes with an extension, such as `vehicles/0190…/full.webp`;
 * the extension says what the file is. Putting a key twice leaves the second; deleting what is not there does nothing.
 */
export interface Storage {
  put(key: string, bytes: Buffer): Promise<void>;
  get(key: string): Promise<Buffer | null>;
  delete(key: string): Promise<void>;
  /** An address at which whoever has it reads the file until then, without signing in. `name` is what a browser saves it as. */
  signedUrl(key: string, expiresAt: Date, name?: string): string;
}

/** A storage that lies in this system serves its signed addresses itself. */
export interface ServedStorage extends Storage {
  routes: readonly Route[];
}

const TYPES: Readonly<Record<string, string>> = {
  webp: 'image/webp',
  avif: 'image/avif',
  jpeg: 'image/jpeg',
  png: 'image/png',
  pdf: 'application/pdf',
};

/** A file that has been in writing for this long never will be whole. */
const STALE_PART_MS = 3_600_000;
/** What a key looks like. */
export const FILE_KEY = /^[a-z0-9-]+(\/[a-z0-9-]+)*\.[a-z0-9]+$/;

/** What a file is, by the extension of its key. */
export function contentTypeOf(key: string): string {
  return TYPES[key.slice(key.lastIndexOf('.') + 1)] ?? 'application/octet-stream';
}

/** Headers of every file that people gave us: it is what we say it is, and runs nothing. */
export const FILE_HEADERS: Readonly<Record<string, string>> = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; sandbox",
};

const S3_NAMES = ['S3_ENDPOINT', 'S3_BUCKET', 'S3_ACCESS_KEY_ID', 'S3_SECRET_ACCESS_KEY'] as const;

const filesSchema = z
  .object({
    DATA_DIR: z.string().default('.data'),
    /** Where files lie that people gave us or that we made; the folder files in DATA_DIR when not set. */
    STORAGE_DIR: z.string().min(1).optional(),
    PUBLIC_URL: z.url({ protocol: /^https?$/, error: 'must be a URL such as https://api.example.com' }).optional(),
    /** What speaks S3; files lie in STORAGE_DIR without it. */
    S3_ENDPOINT: z.url({ protocol: /^https?$/, error: 'must be a URL such as https://s3.eu-central-1.amazonaws.com' }).optional(),
    S3_BUCKET: z.string().min(1).optional(),
    S3_ACCESS_KEY_ID: z.string().min(1).optional(),
    S3_SECRET_ACCESS_KEY: z.string().min(1).optional(),
    S3_REGION: z.string().min(1).default('us-east-1'),
    S3_TIMEOUT_MS: z.coerce.number().int().min(100).max(120_000).default(10_000),
  })
  .superRefine((env, issues) => {
    const missing = S3_NAMES.filter((name) => env[name] === undefined);
    if (missing.length === S3_NAMES.length) return;
    for (const name of missing) issues.addIssue({ code: 'custom', path: [name], message: `is needed with the other S3_ settings` });
  });

export interface S3Config extends S3Credentials {
  /** Scheme, host and port of what speaks S3. The bucket is the first part of the path: every server understands that. */
  endpoint: string;
  bucket: string;
  /** How long one call may take, in milliseconds. */
  timeoutMs: number;
}

export interface FilesConfig {
  storageDir: string;
  /** The bucket that files lie in; null: they lie in `storageDir`. */
  s3?: S3Config | null;
  /** Scheme, host and port of addresses that people open; null: those of the graph's own address. */
  publicOrigin: string | null;
}

/** Of every subgraph that keeps files. @throws ConfigError that names the variable */
export function readFilesConfig(env: NodeJS.ProcessEnv): FilesConfig {
  const { DATA_DIR, STORAGE_DIR, PUBLIC_URL, ...rest } = parseEnvironment(filesSchema, env);
  const { S3_ENDPOINT: endpoint, S3_BUCKET: bucket, S3_ACCESS_KEY_ID: accessKeyId, S3_SECRET_ACCESS_KEY: secretAccessKey } = rest;
  const s3 = endpoint && bucket && accessKeyId && secretAccessKey ? { endpoint, bucket, accessKeyId, secretAccessKey } : null;
  return {
    storageDir: STORAGE_DIR ?? path.join(DATA_DIR, 'files'),
    s3: s3 && { ...s3, region: rest.S3_REGION, timeoutMs: rest.S3_TIMEOUT_MS },
    publicOrigin: PUBLIC_URL ? new URL(PUBLIC_URL).origin : null,
  };
}

export interface DiskOptions {
  /** Folder of all files; each subgraph has its own below. */
  dir: string;
  /** The subgraph: part of the addresses, `/files/<subgraph>/…`. */
  subgraph: string;
  secret: string;
  /** Where people reach the gateway. */
  origin: () => string;
  clock: () => Date;
}

/** Files in a folder. A file is there whole or not at all: it is written beside its place and then moved. */
export function diskStorage({ dir, subgraph, secret, origin, clock }: DiskOptions): ServedStorage {
  const root = path.resolve(dir, subgraph);
  const links = linkSigner(secret, `files:${subgraph}`);
  const prefix = `/files/${subgraph}/`;
  const placeOf = (key: string) => {
    if (!FILE_KEY.test(key)) throw new Error(`no key of a file: ${key}`);
    return path.join(root, key);
  };
  const parts = path.join(root, '.parts');
  let swept: Promise<void> | undefined;
  /** What a process that died was writing stays in a place of its own; the next one takes it away, once. */
  const sweep = () => {
    swept ??= (async () => {
      await mkdir(parts, { recursive: true });
      for (const name of await readdir(parts)) {
        const left = await stat(path.join(parts, name)).catch(() => null);
        if (left && left.mtimeMs < Date.now() - STALE_PART_MS) await rm(path.join(parts, name), { force: true });
      }
    })();
    return swept;
  };
  const get = async (key: string) => {
    try {
      return await readFile(placeOf(key));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  };
  const serve: Route['handle'] = async (request, response) => {
    const words = (request.url ?? '').split('?', 1)[0]?.slice(prefix.length) ?? '';
    const link = links.read(words, clock());
    if (link === null || link === 'expired') {
      const [status, code, message] =
        link === null ? [404, 'NOT_FOUND', 'There is no such file.'] : [410, 'LINK_EXPIRED', 'This link has expired. Ask for a new one.'];
      return void response
        .writeHead(status as number, { 'content-type': 'application/json' })
        .end(JSON.stringify({ errors: [{ message, extensions: { code } }] }));
    }
    const { key, name } = link.payload as { key: string; name?: string };
    const bytes = await get(key);
    if (!bytes)
      return void response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"errors":[{"message":"There is no such file.","extensions":{"code":"NOT_FOUND"}}]}');
    response.writeHead(200, {
      ...FILE_HEADERS,
      'content-type': contentTypeOf(key),
      // Personal: for the one who asked, and for as long as looking at a page takes.
      'cache-control': 'private, max-age=300',
      'referrer-policy': 'no-referrer',
      ...(name && { 'content-disposition': `inline; filename="${name.replace(/[^\w.-]/g, '_')}"` }),
    });
    response.end(bytes);
  };
  return {
    routes: [{ method: 'GET', path: `${prefix}*`, handle: serve }],
    get,
    async put(key, bytes) {
      const place = placeOf(key);
      await mkdir(path.dirname(place), { recursive: true });
      await sweep();
      const beside = path.join(parts, randomUUID());
      try {
        await writeFile(beside, bytes, { flush: true });
        await rename(beside, place);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    },
    async delete(key) {
      await rm(placeOf(key), { force: true });
    },
    signedUrl: (key, expiresAt, name) => `${origin()}${prefix}${links.sign({ key, name }, expiresAt)}`,
  };
}
