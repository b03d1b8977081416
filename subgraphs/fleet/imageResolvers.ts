import { Arg, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import type { Context } from '../../platform/context.js';
import { notFound, parseInput } from '../../platform/errors.js';
import { assertImageName } from '../../platform/images.js';
import { UploadTicket } from '../../platform/graphqlTypes.js';
import { MAX_IMAGE_BYTES } from '../../platform/imageLimits.js';
import { newUuid, publicId, requireUuid, uuidOf } from '../../platform/ids.js';
import { type ImageRow, percentOf } from './image.js';
import { assertImageWelcome, deleteImage, imagesByIds, orderImages } from './imageCommands.js';
import { type ImageTicket, imagePath, UPLOAD_PREFIX } from './imageUploads.js';
import { vehiclesByIds } from './queries.js';
import { type FleetLoaders, toVehicle } from './resolvers.js';
import type { ShownImage } from './tables.js';
import { ImageFormat, ImageSize, ImageUpload, RequestImageUploadInput, Vehicle, VehicleImage, VehicleImageVariant } from './types.js';

/** How long an upload address works. */
const UPLOAD_MS = 15 * 60_000;

const wishSchema = z.object({ alt: z.string().trim().min(1).max(200), fileName: z.string().trim().min(1).max(255), contentType: z.string().max(100) });

function toUpload(row: ImageRow): ImageUpload {
  const { status, alt, createdAt } = row;
  return Object.assign(new ImageUpload(), { id: publicId('img', row.id), status, percent: percentOf(row), alt, createdAt });
}

function toImage({ id, alt, variants }: ShownImage, origin: string): VehicleImage | null {
  const all = variants.map((variant) => Object.assign(new VehicleImageVariant(), { ...variant, url: `${origin}${imagePath(id, variant)}` }));
  const largest = all.find(({ size, format }) => size === 'FULL' && format === 'WEBP');
  if (!largest) return null;
  const { url, width, height } = largest;
  return Object.assign(new VehicleImage(), { id: publicId('img', id), url, alt, width, height, all });
}

@Resolver(() => VehicleImage)
export class VehicleImageResolver {
  @FieldResolver(() => [VehicleImageVariant], { description: 'Its renditions, the smallest first: give a page the choice.' })
  variants(
    @Root() image: VehicleImage,
    @Arg('size', () => ImageSize, { nullable: true, description: 'Only of this size.' }) size?: keyof typeof ImageSize,
    @Arg('format', () => ImageFormat, { nullable: true, description: 'Only of this format.' }) format?: keyof typeof ImageFormat,
  ): VehicleImageVariant[] {
    return image.all.filter((variant) => (!size || variant.size === size) && (!format || variant.format === format));
  }
}

@Resolver(() => Vehicle)
export class ImageResolver {
  @FieldResolver(() => [VehicleImage], { description: 'Pictures, the best first.' })
  images(@Root() vehicle: Vehicle, @Ctx() ctx: Context<FleetLoaders>): VehicleImage[] {
    return vehicle.images.flatMap((image) => toImage(image, ctx.loaders.files.origin()) ?? []);
  }

  @FieldResolver(() => [ImageUpload], { nullable: true, description: 'All its pictures in their order, also those that are not shown yet. For admins.' })
  async imageUploads(@Root() vehicle: Vehicle, @Ctx() ctx: Context<FleetLoaders>): Promise<ImageUpload[]> {
    const uuid = uuidOf('veh', vehicle.id);
    return uuid === null ? [] : (await ctx.loaders.uploads.load(uuid)).map(toUpload);
  }

  @Query(() => ImageUpload, { nullable: true, description: 'How far a picture is; null before its file came, and once it is deleted. For admins.' })
  async imageUpload(
    @Arg('id', () => ID, { description: 'The id of the upload ticket.' }) id: string,
    @Ctx() ctx: Context<FleetLoaders>,
  ): Promise<ImageUpload | null> {
    const uuid = uuidOf('img', id);
    const [row] = uuid === null ? [] : await ctx.run((tx) => imagesByIds(tx.orm, [uuid]));
    return row ? toUpload(row) : null;
  }

  @Mutation(() => UploadTicket, {
    description:
      'Gives out an address for one picture of a vehicle: send the file there by HTTP PUT. What is no picture, is over 10 MiB, has too many pixels or is of ' +
      'another type is refused there with INVALID_IMAGE, and leaves nothing behind. For admins.',
  })
  async requestImageUpload(
    @Arg('input', () => RequestImageUploadInput, { description: 'Which vehicle, and what will come.' }) input: RequestImageUploadInput,
    @Ctx() ctx: Context<FleetLoaders>,
  ): Promise<UploadTicket> {
    const { alt, fileName, contentType } = parseInput(wishSchema, input);
    assertImageName(contentType, fileName);
    const vehicleId = requireUuid('veh', input.vehicleId, 'vehicle', 'input.vehicleId');
    const now = await ctx.run(async (tx) => {
      await assertImageWelcome(tx, vehicleId);
      return tx.now;
    });
    const ticket: ImageTicket = { imageId: newUuid(now), vehicleId, alt, contentType };
    const expiresAt = new Date(now.getTime() + UPLOAD_MS);
    const { origin, links } = ctx.loaders.files;
    const url = `${origin()}${UPLOAD_PREFIX}${links.sign(ticket, expiresAt)}`;
    return Object.assign(new UploadTicket(), { id: publicId('img', ticket.imageId), url, contentType, maxBytes: MAX_IMAGE_BYTES, expiresAt });
  }

  @Mutation(() => Vehicle, { description: "Puts a vehicle's pictures into an order; lists show the first. For admins." })
  async orderVehicleImages(
    @Arg('vehicleId', () => ID, { description: 'Which vehicle.' }) vehicleId: string,
    @Arg('imageIds', () => [ID], { description: 'Each of its pictures once, the best first.' }) imageIds: string[],
    @Ctx() ctx: Context<FleetLoaders>,
  ): Promise<Vehicle> {
    const uuid = requireUuid('veh', vehicleId, 'vehicle', 'vehicleId');
    const wanted = imageIds.map((id) => requireUuid('img', id, 'picture', 'imageIds'));
    await ctx.run((tx) => orderImages(tx, uuid, wanted));
    return present(ctx, uuid);
  }

  @Mutation(() => Vehicle, { description: 'Takes a picture from its vehicle, and its files away. For admins.' })
  async deleteVehicleImage(@Arg('id', () => ID, { description: 'Which picture.' }) id: string, @Ctx() ctx: Context<FleetLoaders>): Promise<Vehicle> {
    const uuid = requireUuid('img', id, 'picture');
    return present(ctx, await ctx.run((tx) => deleteImage(tx, uuid)));
  }
}

async function present(ctx: Context<FleetLoaders>, vehicleId: string): Promise<Vehicle> {
  const [row] = await ctx.run((tx) => vehiclesByIds(tx.orm, [vehicleId]));
  if (!row) throw notFound('vehicle');
  return toVehicle(row);
}
