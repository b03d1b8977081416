import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { isSelfOrPrivileged } from '../../platform/actor.js';
import { parseInput } from '../../platform/errors.js';
import { UploadTicket } from '../../platform/graphqlTypes.js';
import { newUuid, publicId } from '../../platform/ids.js';
import { MAX_IMAGE_BYTES } from '../../platform/imageLimits.js';
import { assertImageName } from '../../platform/images.js';
import { requirePerson } from './actors.js';
import type { DispatchContext } from './context.js';
import { dayOf, documentKey, documentsOf, driverForDocument } from './documentCommands.js';
import { DriverDocument, RequestDriverDocumentInput } from './documentTypes.js';
import { DOCUMENT_PREFIX, type DocumentTicket } from './documentUploads.js';
import { Driver } from './types.js';

/** How long addresses to send to and to look at work. */
const LINK_MS = 15 * 60_000;
const fileSchema = z.object({ fileName: z.string().trim().min(1).max(255), contentType: z.string().max(100) });

@Resolver(() => Driver)
export class DocumentResolver {
  @FieldResolver(() => [DriverDocument], {
    nullable: true,
    description: 'Papers that the driver has shown, in the order in which they came; null for everybody but the driver and admins.',
  })
  async documents(@Root() driver: Driver, @Ctx() ctx: DispatchContext): Promise<DriverDocument[] | null> {
    if (!isSelfOrPrivileged(ctx.actor, driver.userId)) return null;
    const { config, files } = ctx.loaders.dispatch;
    const now = ctx.db.clock();
    const rows = await ctx.run((tx) => documentsOf(tx.orm, [driver.uuid]));
    const url = (key: string) => files.storage.signedUrl(key, new Date(now.getTime() + LINK_MS));
    return rows.map((row) =>
      Object.assign(new DriverDocument(), {
        ...{ id: publicId('doc', row.id), kind: row.kind, expiresOn: row.expiresOn, uploadedAt: row.createdAt },
        isGood: row.expiresOn >= dayOf(config.timeZone, now),
        url: url(documentKey(row)),
      }),
    );
  }

  @Mutation(() => UploadTicket, {
    description:
      'Gives out an address for a picture of one of your papers: send the file there by HTTP PUT. What is no good picture is refused there with ' +
      'INVALID_IMAGE, and leaves nothing behind. A newer paper of a kind takes the place of an older one. For drivers.',
  })
  async requestDriverDocument(
    @Arg('input', () => RequestDriverDocumentInput, { description: 'Which paper, and what will come.' }) input: RequestDriverDocumentInput,
    @Ctx() ctx: DispatchContext,
  ): Promise<UploadTicket> {
    const { fileName, contentType } = parseInput(fileSchema, input);
    assertImageName(contentType, fileName);
    const { config, files } = ctx.loaders.dispatch;
    const { kind, expiresOn } = input;
    const now = ctx.db.clock();
    const driverId = await ctx.run((tx) => driverForDocument(tx, requirePerson(ctx.actor), expiresOn, dayOf(config.timeZone, now)));
    const ticket: DocumentTicket = { documentId: newUuid(now), driverId, kind, expiresOn, contentType };
    const expiresAt = new Date(now.getTime() + LINK_MS);
    const url = `${files.origin()}${DOCUMENT_PREFIX}${files.uploads.sign(ticket, expiresAt)}`;
    return Object.assign(new UploadTicket(), { id: publicId('doc', ticket.documentId), url, contentType, maxBytes: MAX_IMAGE_BYTES, expiresAt });
  }
}
