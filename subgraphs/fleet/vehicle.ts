import { z } from 'zod';
import { Refusal } from '../../platform/errors.js';
import type { vehicles } from './tables.js';

export const VEHICLE_CATEGORIES = ['ECONOMY', 'COMFORT', 'PREMIUM', 'XL', 'SUV', 'SPORTS', 'LUXURY'] as const;
export const FUEL_TYPES = ['PETROL', 'DIESEL', 'HYBRID', 'ELECTRIC'] as const;
export const TRANSMISSIONS = ['MANUAL', 'AUTOMATIC'] as const;
export const VEHICLE_STATUSES = ['ACTIVE', 'MAINTENANCE', 'RETIRED'] as const;

export type VehicleRow = typeof vehicles.$inferSelect;

export const pointSchema = z.object({
  lat: z.number().min(-90, 'latitude must be -90 to 90').max(90, 'latitude must be -90 to 90'),
  lng: z.number().min(-180, 'longitude must be -180 to 180').max(180, 'longitude must be -180 to 180'),
});

/** One line of text. Control characters are nobody's to see, and one of them (NUL) Postgres cannot even store. */
const line = (min: number, max: number) =>
  z
    .string()
    .trim()
    .min(min)
    .max(max)
    .regex(/^\P{Cc}*$/u, 'must not hold control characters');

const facts = z.object({
  make: line(1, 60),
  model: line(1, 60),
  year: z.int().min(1950).max(2100),
  category: z.enum(VEHICLE_CATEGORIES),
  fuelType: z.enum(FUEL_TYPES),
  transmission: z.enum(TRANSMISSIONS),
  seats: z.int().min(1).max(60),
  features: z.array(line(1, 40)).max(30),
  plate: line(2, 20),
  position: pointSchema,
});

/** A person's input for a new vehicle, money and ids already read. Years only catch slips of the keyboard. */
export const newVehicleSchema = facts.extend({
  features: facts.shape.features.nullish().transform((features) => features ?? []),
  position: pointSchema.nullish(),
});

/** What is not given stays, and null is not given: there is nothing of a car that it could be without. */
export const vehicleChangesSchema = z.object({
  make: facts.shape.make.nullish(),
  model: facts.shape.model.nullish(),
  year: facts.shape.year.nullish(),
  category: facts.shape.category.nullish(),
  fuelType: facts.shape.fuelType.nullish(),
  transmission: facts.shape.transmission.nullish(),
  seats: facts.shape.seats.nullish(),
  features: facts.shape.features.nullish(),
  plate: facts.shape.plate.nullish(),
  position: facts.shape.position.nullish(),
  status: z.enum(['ACTIVE', 'MAINTENANCE'], 'use retireVehicle to retire one').nullish(),
});

/** `toyota-corolla-2024-3f9a`: readable, and unique by the id's last digits. */
export function slugFor(vehicle: { make: string; model: string; year: number }, uuid: string): string {
  const words = `${vehicle.make} ${vehicle.model} ${vehicle.year}`
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  return `${words}-${uuid.slice(-6)}`;
}

/** @throws Refusal CONFLICT with the present version when the writer has read an older one (FL-02) */
export function assertVersion(current: VehicleRow, readVersion: number): void {
  if (current.version === readVersion) return;
  throw new Refusal('CONFLICT', 'Somebody changed this vehicle since you read it. Read it again and repeat your change.', {
    details: { field: 'input.version', rule: 'stale', currentVersion: current.version },
  });
}

/** @throws Refusal VEHICLE_RETIRED: a retired vehicle stays readable, and stays as it is */
export function assertNotRetired(current: VehicleRow): void {
  if (current.status === 'RETIRED') throw new Refusal('VEHICLE_RETIRED', 'This vehicle is retired and cannot be changed any more.');
}
