import { systemActor } from '../../platform/actor.js';
import { newUuid, publicId } from '../../platform/ids.js';
import { type ImageType, renderImage } from '../../platform/images.js';
import { type Database, inTransaction, type Tx } from '../../platform/postgres.js';
import { traceIdOf } from '../../platform/serveSubgraph.js';
import type { LinkSigner } from '../../platform/signedLinks.js';
import type { Storage } from '../../platform/storage.js';
import type { Route } from '../../platform/subgraph.js';
import { uploadRoute } from '../../platform/uploads.js';
import { documentById, documentKey, type DocumentKind, expectDocument, keepDocument, removeLeftoverDocument } from './documentCommands.js';

/** What an upload address stands for. */
export interface DocumentTicket {
  documentId: string;
  driverId: string;
  kind: DocumentKind;
  /** Such as `2027-03-31`. */
  expiresOn: string;
  contentType: ImageType;
}

export const DOCUMENT_PREFIX = '/uploads/dispatch/';
/** Widest side that is kept: small print can be read on it. */
const DOCUMENT_WIDTH = 2048;

/** Takes pictures of drivers' papers. What is kept is rendered anew: nothing of where it was taken stays in it. */
export function documentUploads({ db, storage, links }: { db: Database; storage: Storage; links: LinkSigner }): Route {
  return uploadRoute<DocumentTicket>({
    prefix: DOCUMENT_PREFIX,
    links,
    clock: db.clock,
    log: db.log,
    async keep({ documentId: id, driverId, kind, expiresOn }, { bytes, traceId }) {
      const run = <T>(work: (tx: Tx) => Promise<T>) => inTransaction(systemActor('upload'), db, { traceId: traceIdOf(traceId), causationId: newUuid() }, work);
      const known = await run((tx) => documentById(tx.orm, id));
      if (known) return { documentId: publicId('doc', id) };
      const picture = await renderImage(bytes, 'webp', DOCUMENT_WIDTH);
      await run((tx) => expectDocument(tx, { id, driverId }));
      await storage.put(documentKey({ id, driverId }), picture.bytes);
      await run((tx) => keepDocument(tx, { id, driverId, kind, expiresOn })).catch(async (error) => {
        await run((tx) => removeLeftoverDocument(tx, storage, `${driverId}:${id}`)).catch(() => {});
        throw error;
      });
      return { documentId: publicId('doc', id) };
    },
  });
}
