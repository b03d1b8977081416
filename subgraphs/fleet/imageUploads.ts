import { systemActor } from '../../platform/actor.js';
import { newUuid, publicId, uuidOf } from '../../platform/ids.js';
import type { ImageType } from '../../platform/images.js';
import { type Database, inTransaction, type Tx } from '../../platform/postgres.js';
import { traceIdOf } from '../../platform/serveSubgraph.js';
import type { LinkSigner } from '../../platform/signedLinks.js';
import { FILE_HEADERS, contentTypeOf, type Storage } from '../../platform/storage.js';
import type { Route } from '../../platform/subgraph.js';
import type { TimerHandlers } from '../../platform/timers.js';
import { uploadRoute } from '../../platform/uploads.js';
import { originalKey, percentOf, VARIANTS, variantKey } from './image.js';
import { expectFiles, imagesByIds, keepImage, LEFTOVERS, RENDITION, removeLeftovers, renderNext } from './imageCommands.js';

/** What an upload address stands for. */
export interface ImageTicket {
  imageId: string;
  vehicleId: string;
  alt: string;
  contentType: ImageType;
}

export const UPLOAD_PREFIX = '/uploads/fleet/';
const IMAGE_PREFIX = '/images/vehicles/';
/** A picture never changes under its address. */
const FOREVER = 'public, max-age=31536000, immutable';

const formatOf = (type: ImageType) => type.slice('image/'.length);

/** Takes pictures of vehicles, and serves their renditions to everybody. */
export function imageRoutes(options: { db: Database; storage: Storage; links: LinkSigner }): Route[] {
  const { db, storage, links } = options;
  const upload = uploadRoute<ImageTicket>({
    prefix: UPLOAD_PREFIX,
    links,
    clock: db.clock,
    log: db.log,
    async keep({ imageId, vehicleId, alt, contentType }, { bytes, facts, traceId }) {
      const run = <T>(work: (tx: Tx) => Promise<T>) => inTransaction(systemActor('upload'), db, { traceId: traceIdOf(traceId), causationId: newUuid() }, work);
      const format = formatOf(contentType);
      const [known] = await run((tx) => imagesByIds(tx.orm, [imageId]));
      if (!known) {
        await run((tx) => expectFiles(tx, imageId));
        await storage.put(originalKey({ id: imageId, format }), bytes);
      }
      const image = await run((tx) => keepImage(tx, { id: imageId, vehicleId, alt, format, facts })).catch(async (error) => {
        // Refused by its vehicle: nothing stays, and at once. When this fails as well, the timer does it.
        await run((tx) => removeLeftovers(tx, storage, imageId)).catch(() => {});
        throw error;
      });
      return { imageId: publicId('img', image.id), status: image.status, percent: percentOf(image) };
    },
  });
  const show: Route['handle'] = async (request, response) => {
    const [id = '', file = ''] = (request.url ?? '').split('?', 1)[0]?.slice(IMAGE_PREFIX.length).split('/') ?? [];
    const uuid = uuidOf('img', id);
    const variant = VARIANTS.find(({ size, format }) => `${size}.${format}`.toLowerCase() === file);
    const key = uuid && variant ? variantKey(uuid, variant) : null;
    const etag = `"${id}-${file}"`;
    const headers = { ...FILE_HEADERS, 'cross-origin-resource-policy': 'cross-origin' };
    if (key && request.headers['if-none-match'] === etag) return void response.writeHead(304, { ...headers, etag, 'cache-control': FOREVER }).end();
    const bytes = key ? await storage.get(key) : null;
    if (!bytes || !key) {
      const body = JSON.stringify({ errors: [{ message: 'There is no such picture.', extensions: { code: 'NOT_FOUND' } }] });
      return void response.writeHead(404, { ...headers, 'content-type': 'application/json', 'cache-control': 'no-store' }).end(body);
    }
    response.writeHead(200, { ...headers, etag, 'content-type': contentTypeOf(key), 'cache-control': FOREVER }).end(bytes);
  };
  return [upload, { method: 'GET', path: `${IMAGE_PREFIX}*`, handle: show }];
}

export function imageTimers(storage: Storage): TimerHandlers {
  return {
    [RENDITION]: (tx, { key, attempts }) => renderNext(tx, storage, key, attempts),
    [LEFTOVERS]: (tx, { key }) => removeLeftovers(tx, storage, key),
  };
}

/** Where a rendition is fetched, below the public origin. */
export const imagePath = (imageId: string, variant: Parameters<typeof variantKey>[1]): string =>
  `${IMAGE_PREFIX}${publicId('img', imageId)}/${variant.size.toLowerCase()}.${variant.format.toLowerCase()}`;
