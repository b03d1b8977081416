import { systemActor } from '../../platform/actor.js';
import { newUuid, publicId } from '../../platform/ids.js';
import { type ImageType, renderImage } from '../../platform/images.js';
import { type Database, inTransaction, type Tx } from '../../platform/postgres.js';
import { traceIdOf } from '../../platform/serveSubgraph.js';
import type { LinkSigner } from '../../platform/signedLinks.js';
import type { Storage } from '../../platform/storage.js';
import type { Route } from '../../platform/subgraph.js';
import { uploadRoute } from '../../platform/uploads.js';
import { expectPhoto, keepPhoto, type PhotoMoment, photoById, photoKey, removeLeftoverPhoto } from './photoCommands.js';

/** What an upload address stands for. */
export interface PhotoTicket {
  photoId: string;
  bookingId: string;
  moment: PhotoMoment;
  contentType: ImageType;
}

export const PHOTO_PREFIX = '/uploads/booking/';
/** Widest side that is kept: scratches can be seen on it. */
const PHOTO_WIDTH = 2048;

/** Takes photos of cars as they change hands. What is kept is rendered anew: nothing of where and by whom it was taken stays in it. */
export function photoUploads({ db, storage, links }: { db: Database; storage: Storage; links: LinkSigner }): Route {
  return uploadRoute<PhotoTicket>({
    prefix: PHOTO_PREFIX,
    links,
    clock: db.clock,
    log: db.log,
    async keep({ photoId: id, bookingId, moment }, { bytes, traceId }) {
      const run = <T>(work: (tx: Tx) => Promise<T>) => inTransaction(systemActor('upload'), db, { traceId: traceIdOf(traceId), causationId: newUuid() }, work);
      const known = await run((tx) => photoById(tx.orm, id));
      if (known) return { photoId: publicId('pho', id) };
      const photo = await renderImage(bytes, 'webp', PHOTO_WIDTH);
      await run((tx) => expectPhoto(tx, { id, bookingId }));
      await storage.put(photoKey({ id, bookingId }), photo.bytes);
      await run((tx) => keepPhoto(tx, { id, bookingId, moment, width: photo.width, height: photo.height })).catch(async (error) => {
        await run((tx) => removeLeftoverPhoto(tx, storage, `${bookingId}:${id}`)).catch(() => {});
        throw error;
      });
      return { photoId: publicId('pho', id) };
    },
  });
}
