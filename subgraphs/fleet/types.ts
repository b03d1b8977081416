import { Directive, Field, Float, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionOf, DateTime, Decimal, Money, MoneyInput, Point, PointInput, Violation } from '../../platform/graphqlTypes.js';
import { IMAGE_STATUSES, type ShownImage } from './tables.js';
import { FUEL_TYPES, TRANSMISSIONS, VEHICLE_CATEGORIES, VEHICLE_STATUSES } from './vehicle.js';

const enumOf = <T extends string>(values: readonly T[]) => Object.fromEntries(values.map((value) => [value, value])) as { [K in T]: K };

export const VehicleCategory = enumOf(VEHICLE_CATEGORIES);
export const FuelType = enumOf(FUEL_TYPES);
export const Transmission = enumOf(TRANSMISSIONS);
export const VehicleStatus = enumOf(VEHICLE_STATUSES);
export const VehicleUse = enumOf(['RENTAL', 'RIDE'] as const);
export const VehicleSort = enumOf(['PRICE_ASC', 'PRICE_DESC', 'NEWEST', 'DISTANCE', 'RELEVANCE'] as const);

export const ImageSize = enumOf(['THUMB', 'CARD', 'FULL'] as const);
export const ImageFormat = enumOf(['WEBP', 'AVIF'] as const);
export const ImageUploadStatus = enumOf(IMAGE_STATUSES);

registerEnumType(ImageSize, {
  name: 'ImageSize',
  description: 'THUMB is at most 320 pixels wide and high, CARD 800, FULL 1600; smaller pictures are not enlarged.',
});
registerEnumType(ImageFormat, { name: 'ImageFormat', description: 'AVIF is smaller; WEBP is understood by older browsers too.' });
registerEnumType(ImageUploadStatus, {
  name: 'ImageUploadStatus',
  description: 'PROCESSING while renditions are made, READY when the vehicle shows it, FAILED when it could not be rendered: delete it and upload another.',
});
registerEnumType(VehicleCategory, {
  name: 'VehicleCategory',
  description: 'Class of a vehicle: sets its commission, preparation time and what it may be swapped for.',
});
registerEnumType(FuelType, { name: 'FuelType', description: 'What a vehicle runs on.' });
registerEnumType(Transmission, { name: 'Transmission', description: 'How gears are changed.' });
registerEnumType(VehicleStatus, {
  name: 'VehicleStatus',
  description: 'ACTIVE can be rented; MAINTENANCE not at present; RETIRED never again, but is still readable from old bookings.',
});
registerEnumType(VehicleUse, { name: 'VehicleUse', description: "RENTAL is rented out; RIDE is a driver's own car, in no search and no quote." });
registerEnumType(VehicleSort, {
  name: 'VehicleSort',
  description: 'DISTANCE needs `filter.near`, RELEVANCE needs `filter.text`; without them the order is PRICE_ASC.',
});

@ObjectType({ description: 'A place where cars are picked up and returned.' })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Station {
  @Field(() => ID, { description: 'Id of the station: `stn_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field({ description: 'What people call it.' })
  name!: string;

  @Field({ description: 'Street and city.' })
  address!: string;

  @Field(() => Point, { description: 'Where it is.' })
  position!: Point;

  @Field({ description: 'IANA time zone, such as `Africa/Cairo`: rental days are counted by its clock.' })
  timeZone!: string;

  @Field({ description: 'Opening hours in words.' })
  openingHours!: string;
}

@ObjectType({ description: 'One rendition of a picture.' })
export class VehicleImageVariant {
  @Field(() => ImageSize, { description: 'How large it is meant to be shown.' })
  size!: keyof typeof ImageSize;

  @Field(() => ImageFormat, { description: 'How it is encoded.' })
  format!: keyof typeof ImageFormat;

  @Field({ description: 'Where it is fetched. It never changes under this address, so it may be kept for good.' })
  url!: string;

  @Field(() => Int, { description: 'Its width in pixels.' })
  width!: number;

  @Field(() => Int, { description: 'Its height in pixels.' })
  height!: number;

  @Field(() => Int, { description: 'Its size in bytes.' })
  bytes!: number;
}

@ObjectType({ description: 'A picture of a vehicle.' })
export class VehicleImage {
  @Field(() => ID, { description: 'Id of the picture: `img_…`.' })
  id!: string;

  @Field({ description: 'Where it is fetched: the largest rendition, as WebP.' })
  url!: string;

  @Field({ description: 'What it shows, for those who do not see it.' })
  alt!: string;

  @Field(() => Int, { description: 'Width in pixels of the largest rendition.' })
  width!: number;

  @Field(() => Int, { description: 'Height in pixels of the largest rendition.' })
  height!: number;

  /** For its resolver, which filters; not part of the schema. */
  all!: VehicleImageVariant[];
}

@ObjectType({ description: 'A picture on its way: from the uploaded file to the renditions that pages show. For admins.' })
export class ImageUpload {
  @Field(() => ID, { description: 'Id of the picture: `img_…`.' })
  id!: string;

  @Field(() => ImageUploadStatus, { description: 'How far it is.' })
  status!: keyof typeof ImageUploadStatus;

  @Field(() => Int, { description: 'How much of the work is done, 0 to 100.' })
  percent!: number;

  @Field({ description: 'What it shows, for those who do not see it.' })
  alt!: string;

  @Field(() => DateTime, { description: 'When the file came.' })
  createdAt!: Date;
}

@InputType({ description: 'A picture that is about to be uploaded.' })
export class RequestImageUploadInput {
  @Field(() => ID, { description: 'Of which vehicle.' })
  vehicleId!: string;

  @Field({ description: 'Name of the file; its extension has to fit its type.' })
  fileName!: string;

  @Field({ description: '`image/jpeg`, `image/png`, `image/webp` or `image/avif`.' })
  contentType!: string;

  @Field({ description: 'What it shows, in at most 200 characters, for those who do not see it.' })
  alt!: string;
}

@ObjectType({ description: 'A car: one of the rental fleet, or one that a driver drives.' })
@Directive('@key(fields: "id")')
@Directive('@key(fields: "ref")')
export class Vehicle {
  @Field(() => ID, { description: 'Id of the vehicle: `veh_…`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => ID, { description: 'The id, as `node` hands it over.' })
  ref!: string;

  @Field({ description: 'A readable name for addresses of pages; does not change.' })
  slug!: string;

  @Field({ description: 'Who built it, such as `Toyota`.' })
  make!: string;

  @Field({ description: 'What they call it, such as `Corolla`.' })
  model!: string;

  @Field(() => Int, { description: 'Model year.' })
  year!: number;

  @Field(() => VehicleCategory, { description: 'Its class.' })
  category!: keyof typeof VehicleCategory;

  @Field(() => FuelType, { description: 'What it runs on.' })
  fuelType!: keyof typeof FuelType;

  @Field(() => Transmission, { description: 'How gears are changed.' })
  transmission!: keyof typeof Transmission;

  @Field(() => Int, { description: 'Seats, the driver included.' })
  seats!: number;

  @Field(() => [String], { description: 'What it offers, such as `CarPlay`.' })
  features!: string[];

  @Field(() => Money, { description: 'Price of one day before extras, discounts and tax; a quote says what a rental costs.' })
  dailyRate!: Money;

  @Field(() => String, { nullable: true, description: 'Licence plate. For admins.' })
  plate!: string | null;

  @Field(() => VehicleStatus, { description: 'Whether it can be rented.' })
  status!: keyof typeof VehicleStatus;

  @Field(() => VehicleUse, { description: 'What it is for.' })
  use!: keyof typeof VehicleUse;

  @Field(() => Point, { nullable: true, description: 'Where it was last parked; null when that is not known.' })
  position!: Point | null;

  /** For its resolver, which knows the addresses; not part of the schema as it is. */
  images!: ShownImage[];

  @Field(() => Int, { description: 'Grows with every change: send it back with `updateVehicle`.' })
  version!: number;

  @Field(() => DateTime, { description: 'When it joined the fleet.' })
  createdAt!: Date;

  /** For the station resolver; not part of the schema. */
  stationId!: string | null;
}

export const VehicleConnection = connectionOf('Vehicle', () => Vehicle);

@ObjectType({ description: 'How many of the vehicles found are of one category.' })
export class CategoryCount {
  @Field(() => VehicleCategory, { description: 'The category.' })
  category!: keyof typeof VehicleCategory;

  @Field(() => Int, { description: 'How many.' })
  count!: number;
}

@ObjectType({ description: 'How many of the vehicles found run on one fuel.' })
export class FuelCount {
  @Field(() => FuelType, { description: 'The fuel.' })
  fuelType!: keyof typeof FuelType;

  @Field(() => Int, { description: 'How many.' })
  count!: number;
}

@ObjectType({ description: 'How many of the vehicles found have a price per day in one band.' })
export class PriceBandCount {
  @Field(() => Decimal, { description: 'Not below this.' })
  from!: string;

  @Field(() => Decimal, { nullable: true, description: 'Below this; null for the highest band.' })
  below!: string | null;

  @Field(() => Int, { description: 'How many.' })
  count!: number;
}

@ObjectType({ description: 'What was found, by kind. What nothing is found of is left out.' })
export class VehicleFacets {
  @Field(() => [CategoryCount], { description: 'By category, in the order of the enum.' })
  categories!: CategoryCount[];

  @Field(() => [FuelCount], { description: 'By fuel, in the order of the enum.' })
  fuelTypes!: FuelCount[];

  @Field(() => [PriceBandCount], { description: 'By price per day, the lowest first.' })
  priceBands!: PriceBandCount[];
}

@InputType({ description: 'A range of prices per day, both ends included.' })
export class DailyRateFilter {
  @Field(() => Decimal, { nullable: true, description: 'Not below this.' })
  min?: string;

  @Field(() => Decimal, { nullable: true, description: 'Not above this.' })
  max?: string;
}

@InputType({ description: 'A circle.' })
export class NearFilter {
  @Field(() => PointInput, { description: 'Its centre.' })
  point!: PointInput;

  @Field(() => Float, { description: 'Its radius in kilometres, up to 200.', defaultValue: 10 })
  radiusKm!: number;
}

@InputType({ description: 'A time range, the end not included.' })
export class AvailableFilter {
  @Field(() => DateTime, { description: 'From then on.' })
  from!: Date;

  @Field(() => DateTime, { description: 'Until then.' })
  to!: Date;
}

@InputType({ description: 'What a vehicle has to be like; everything that is given must hold.' })
export class VehicleFilter {
  @Field({ nullable: true, description: 'Words about make, model, features or station; typing errors are forgiven.' })
  text?: string;

  @Field(() => [VehicleCategory], { nullable: true, description: 'One of these classes.' })
  categories?: (keyof typeof VehicleCategory)[];

  @Field(() => [FuelType], { nullable: true, description: 'One of these fuels.' })
  fuelTypes?: (keyof typeof FuelType)[];

  @Field(() => [Transmission], { nullable: true, description: 'One of these transmissions.' })
  transmissions?: (keyof typeof Transmission)[];

  @Field(() => Int, { nullable: true, description: 'At least so many seats.' })
  minSeats?: number;

  @Field(() => [String], { nullable: true, description: 'All of these features.' })
  features?: string[];

  @Field(() => DailyRateFilter, { nullable: true, description: 'Price per day.' })
  dailyRate?: DailyRateFilter;

  @Field(() => NearFilter, { nullable: true, description: 'Parked inside this circle.' })
  near?: NearFilter;

  @Field(() => AvailableFilter, {
    nullable: true,
    description:
      'Can be booked for exactly this time, the preparation after it included: at most 366 days that are not over. Follows bookings within seconds; ' +
      '`Vehicle.availability` is exact.',
  })
  available?: AvailableFilter;

  @Field(() => ID, { nullable: true, description: 'At this station.' })
  stationId?: string;
}

@InputType({ description: 'A new car for the rental fleet.' })
export class CreateVehicleInput {
  @Field({ description: 'Who built it.' })
  make!: string;

  @Field({ description: 'What they call it.' })
  model!: string;

  @Field(() => Int, { description: 'Model year.' })
  year!: number;

  @Field(() => VehicleCategory, { description: 'Its class.' })
  category!: keyof typeof VehicleCategory;

  @Field(() => FuelType, { description: 'What it runs on.' })
  fuelType!: keyof typeof FuelType;

  @Field(() => Transmission, { description: 'How gears are changed.' })
  transmission!: keyof typeof Transmission;

  @Field(() => Int, { description: 'Seats, the driver included.' })
  seats!: number;

  @Field(() => [String], { nullable: true, description: 'What it offers.' })
  features?: string[];

  @Field(() => MoneyInput, { description: 'Price of one day.' })
  dailyRate!: MoneyInput;

  @Field({ description: 'Licence plate.' })
  plate!: string;

  @Field(() => ID, { description: 'Where it belongs.' })
  stationId!: string;

  @Field(() => PointInput, { nullable: true, description: 'Where it is parked; the station when not given.' })
  position?: PointInput;
}

@InputType({ description: 'Changes of a vehicle; what is not given stays.' })
export class UpdateVehicleInput {
  @Field(() => ID, { description: 'Which vehicle.' })
  id!: string;

  @Field(() => Int, { description: 'The `version` that you have read; a stale one is refused with CONFLICT.' })
  version!: number;

  @Field({ nullable: true, description: 'Who built it.' })
  make?: string;

  @Field({ nullable: true, description: 'What they call it.' })
  model?: string;

  @Field(() => Int, { nullable: true, description: 'Model year.' })
  year?: number;

  @Field(() => VehicleCategory, { nullable: true, description: 'Its class.' })
  category?: keyof typeof VehicleCategory;

  @Field(() => FuelType, { nullable: true, description: 'What it runs on.' })
  fuelType?: keyof typeof FuelType;

  @Field(() => Transmission, { nullable: true, description: 'How gears are changed.' })
  transmission?: keyof typeof Transmission;

  @Field(() => Int, { nullable: true, description: 'Seats, the driver included.' })
  seats?: number;

  @Field(() => [String], { nullable: true, description: 'What it offers: replaces the list.' })
  features?: string[];

  @Field(() => MoneyInput, { nullable: true, description: 'Price of one day. Quotes that were given stay as they are.' })
  dailyRate?: MoneyInput;

  @Field({ nullable: true, description: 'Licence plate.' })
  plate?: string;

  @Field(() => VehicleStatus, { nullable: true, description: 'ACTIVE or MAINTENANCE; `retireVehicle` retires.' })
  status?: keyof typeof VehicleStatus;

  @Field(() => ID, { nullable: true, description: 'Where it belongs.' })
  stationId?: string;

  @Field(() => PointInput, { nullable: true, description: 'Where it is parked.' })
  position?: PointInput;
}

@ObjectType({ description: 'What is wrong in the whole system.' })
@Directive('@key(fields: "id")')
export class SystemHealth {
  @Field(() => ID, { description: 'Always `system`.' })
  id!: string;

  @Directive('@inaccessible')
  @Field(() => [Violation], { description: "Fleet's part of `violations`." })
  fleetViolations!: Violation[];
}
