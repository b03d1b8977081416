import { Arg, Ctx, Field, FieldResolver, ID, InputType, Int, Mutation, ObjectType, registerEnumType, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import type { Context } from '../../platform/context.js';
import { parseInput } from '../../platform/errors.js';
import { DateTime, UploadTicket } from '../../platform/graphqlTypes.js';
import { newUuid, publicId, requireUuid, uuidOf } from '../../platform/ids.js';
import { MAX_IMAGE_BYTES } from '../../platform/imageLimits.js';
import { assertImageName } from '../../platform/images.js';
import { agreementKey } from './agreementCommands.js';
import type { BookingLoaders } from './loaders.js';
import { assertPhotoWelcome, photoKey } from './photoCommands.js';
import { PHOTO_PREFIX, type PhotoTicket } from './photoUploads.js';
import { AGREEMENT_STATUSES, PHOTO_MOMENTS } from './tables.js';
import { Booking } from './types.js';

const enumOf = <T extends string>(values: readonly T[]) => Object.fromEntries(values.map((value) => [value, value])) as { [K in T]: K };
export const AgreementStatus = enumOf(AGREEMENT_STATUSES);
export const RentalMoment = enumOf(PHOTO_MOMENTS);

registerEnumType(AgreementStatus, {
  name: 'AgreementStatus',
  description:
    'PREPARING while it is made, SENT once it can be signed at `signUrl`, READY when it is signed at the desk instead, then SIGNED or DECLINED. VOID when the ' +
    'booking ended before it was sent.',
});
registerEnumType(RentalMoment, { name: 'RentalMoment', description: 'When a car changes hands.' });

@ObjectType({
  description: 'The rental agreement of a booking: a PDF that the customer signs. A changed booking gets a new one, which takes the place of the old.',
})
export class RentalAgreement {
  @Field(() => AgreementStatus, { description: 'How far it is.' })
  status!: keyof typeof AgreementStatus;

  @Field(() => Int, { description: 'Which agreement of the booking this is, from 1.' })
  version!: number;

  @Field(() => String, {
    nullable: true,
    description: 'Where the PDF can be read for a quarter of an hour; ask again for a fresh address. Null before it is made.',
  })
  url!: string | null;

  @Field(() => String, { nullable: true, description: 'Where the customer reads and signs it; null unless it is SENT.' })
  signUrl!: string | null;

  @Field(() => DateTime, { nullable: true, description: 'When it was signed; null until then.' })
  signedAt!: Date | null;
}

@ObjectType({ description: 'A photo of the car as it changed hands.' })
export class RentalPhoto {
  @Field(() => ID, { description: 'Id of the photo: `pho_…`.' })
  id!: string;

  @Field(() => RentalMoment, { description: 'Whether it was taken at pick-up or at return.' })
  moment!: keyof typeof RentalMoment;

  @Field({ description: 'Where it can be fetched for a quarter of an hour; ask again for a fresh address.' })
  url!: string;

  @Field(() => Int, { description: 'Its width in pixels.' })
  width!: number;

  @Field(() => Int, { description: 'Its height in pixels.' })
  height!: number;

  @Field(() => DateTime, { description: 'When it came.' })
  takenAt!: Date;
}

@InputType({ description: 'A photo that is about to be uploaded.' })
export class RequestRentalPhotoInput {
  @Field(() => ID, { description: 'Of which booking.' })
  bookingId!: string;

  @Field(() => RentalMoment, { description: 'PICKUP for a CONFIRMED or ACTIVE booking, RETURN for an ACTIVE or COMPLETED one.' })
  moment!: keyof typeof RentalMoment;

  @Field({ description: 'Name of the file; its extension has to fit its type.' })
  fileName!: string;

  @Field({ description: '`image/jpeg`, `image/png`, `image/webp` or `image/avif`.' })
  contentType!: string;
}

/** How long an address of a file, or for one, works. */
const LINK_MS = 15 * 60_000;
const fileSchema = z.object({ fileName: z.string().trim().min(1).max(255), contentType: z.string().max(100) });

@Resolver(() => Booking)
export class DocumentResolver {
  @FieldResolver(() => RentalAgreement, {
    nullable: true,
    description: 'Its rental agreement; null before it is CONFIRMED. Visible to the customer and to admins.',
  })
  async agreement(@Root() booking: Booking, @Ctx() ctx: Context<BookingLoaders>): Promise<RentalAgreement | null> {
    const uuid = uuidOf('bkg', booking.id);
    const row = uuid && (await ctx.loaders.agreement.load(uuid));
    if (!row) return null;
    const name = `rental-agreement-${booking.id}.pdf`;
    return Object.assign(new RentalAgreement(), {
      status: row.status,
      version: row.version,
      url: row.sha256 === null ? null : ctx.loaders.files.storage.signedUrl(agreementKey(row.id), new Date(ctx.db.clock().getTime() + LINK_MS), name),
      signUrl: row.status === 'SENT' ? row.signUrl : null,
      signedAt: row.status === 'SIGNED' ? row.decidedAt : null,
    });
  }

  @FieldResolver(() => [RentalPhoto], {
    description: 'Photos of the car as it changed hands, in the order in which they came. Visible to the customer and to admins.',
  })
  async photos(@Root() booking: Booking, @Ctx() ctx: Context<BookingLoaders>): Promise<RentalPhoto[]> {
    const uuid = uuidOf('bkg', booking.id);
    const rows = uuid === null ? [] : await ctx.loaders.photos.load(uuid);
    const until = new Date(ctx.db.clock().getTime() + LINK_MS);
    return rows.map((row) => {
      const { moment, width, height, createdAt: takenAt } = row;
      return Object.assign(new RentalPhoto(), {
        ...{ id: publicId('pho', row.id), moment, width, height, takenAt },
        url: ctx.loaders.files.storage.signedUrl(photoKey(row), until),
      });
    });
  }

  @Mutation(() => UploadTicket, {
    description:
      'Gives out an address for one photo of a car that changes hands: send the file there by HTTP PUT. What is no good picture is refused there with ' +
      'INVALID_IMAGE, and leaves nothing behind. For admins.',
  })
  async requestRentalPhoto(
    @Arg('input', () => RequestRentalPhotoInput, { description: 'Which booking, and what will come.' }) input: RequestRentalPhotoInput,
    @Ctx() ctx: Context<BookingLoaders>,
  ): Promise<UploadTicket> {
    const { fileName, contentType } = parseInput(fileSchema, input);
    assertImageName(contentType, fileName);
    const bookingId = requireUuid('bkg', input.bookingId, 'booking', 'input.bookingId');
    const now = await ctx.run(async (tx) => {
      await assertPhotoWelcome(tx, bookingId, input.moment);
      return tx.now;
    });
    const ticket: PhotoTicket = { photoId: newUuid(now), bookingId, moment: input.moment, contentType };
    const expiresAt = new Date(now.getTime() + LINK_MS);
    const { origin, uploads } = ctx.loaders.files;
    const url = `${origin()}${PHOTO_PREFIX}${uploads.sign(ticket, expiresAt)}`;
    return Object.assign(new UploadTicket(), { id: publicId('pho', ticket.photoId), url, contentType, maxBytes: MAX_IMAGE_BYTES, expiresAt });
  }
}
