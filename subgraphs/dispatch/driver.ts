import { z } from 'zod';
import { Refusal } from '../../platform/errors.js';
import type { drivers } from './tables.js';
import { VEHICLE_TYPES, type VehicleType } from './vehicleType.js';

export const APPROVALS = ['PENDING', 'APPROVED', 'SUSPENDED'] as const;
export const DRIVER_STATES = ['OFFLINE', 'AVAILABLE', 'OFFERED', 'BUSY', 'COOLDOWN'] as const;
export type DriverState = (typeof DRIVER_STATES)[number];
export type DriverRow = typeof drivers.$inferSelect;

/** Which state may follow which (DP-02). */
export const DRIVER_TRANSITIONS: Readonly<Record<DriverState, readonly DriverState[]>> = {
  OFFLINE: ['AVAILABLE'],
  AVAILABLE: ['OFFERED', 'OFFLINE'],
  OFFERED: ['AVAILABLE', 'BUSY', 'OFFLINE'],
  BUSY: ['COOLDOWN', 'AVAILABLE'],
  COOLDOWN: ['AVAILABLE', 'OFFLINE'],
};

/** Which states may become this one. */
export function statesBefore(state: DriverState): DriverState[] {
  return DRIVER_STATES.filter((before) => DRIVER_TRANSITIONS[before].includes(state));
}

const text = (max: number) => z.string().trim().min(1, 'must not be empty').max(max);

export const registrationSchema = z.object({
  vehicleType: z.enum(VEHICLE_TYPES),
  make: text(60),
  model: text(60),
  year: z.int('must be a whole number').min(1980).max(2100),
  seats: z.int('must be a whole number').min(2).max(20),
  plate: text(20),
  licenceNumber: text(40),
});
export type Registration = z.output<typeof registrationSchema>;

/** Whether a repeated registration says the same as the first one. */
export function isSameRegistration(driver: DriverRow, registration: Registration): boolean {
  return (Object.keys(registrationSchema.shape) as (keyof Registration)[]).every((field) => driver[field] === registration[field]);
}

/** @throws Refusal NOT_APPROVED */
export function assertApproved(driver: DriverRow): void {
  if (driver.approval === 'APPROVED') return;
  const message =
    driver.approval === 'SUSPENDED' ? 'You are suspended. Write to us.' : 'An admin has not approved you yet. You hear from us as soon as it is done.';
  throw new Refusal('NOT_APPROVED', message, { details: { field: 'driver', rule: 'approved', approval: driver.approval } });
}

/** @throws Refusal VEHICLE_OFF_ROAD */
export function assertOnRoad(driver: DriverRow): void {
  if (driver.vehicleStatus === 'ACTIVE') return;
  throw new Refusal('VEHICLE_OFF_ROAD', 'Your car is retired or in the workshop. Write to us when it can drive again.', {
    details: { field: 'vehicle', rule: 'vehicle_active', status: driver.vehicleStatus },
  });
}

/** For those who have the role and have not yet said what they drive. */
export function notRegistered(): Refusal {
  return new Refusal('NOT_FOUND', 'You are not registered as a driver yet. Call `registerDriver` first.', { details: { field: 'driver' } });
}

/** Mean of the stars to two digits, or null while nobody has rated. */
export function ratingOf(driver: { starsSum: number; starsCount: number }): number | null {
  return driver.starsCount === 0 ? null : Math.round((driver.starsSum / driver.starsCount) * 100) / 100;
}

/** What the way of a position has to know of its driver, without asking Postgres (DP-02). */
export interface DriverStanding {
  driverId: string;
  userId: string;
  vehicleType: VehicleType;
  state: DriverState;
  /** The trip that the driver is on: who watches it sees the driver move. */
  tripId: string | null;
  version: number;
}
