import { systemActor } from '../../platform/actor.js';
import { money } from '../../platform/money.js';
import { type Database, inTransaction } from '../../platform/postgres.js';
import { addStation, createVehicle, type NewVehicle } from './commands.js';
import { vehiclesByIds } from './queries.js';

const stationId = (n: number) => `01900000-0000-7000-8001-${String(n).padStart(12, '0')}`;
const vehicleId = (n: number) => `01900000-0000-7000-8002-${String(n).padStart(12, '0')}`;

const STATIONS = [
  { name: 'Downtown Cairo', address: '12 Talaat Harb Street, Cairo', lat: 30.0478, lng: 31.2394 },
  { name: 'Cairo Airport', address: 'Terminal 3, Cairo International Airport', lat: 30.1127, lng: 31.3998 },
  { name: 'Zamalek', address: '26th of July Corridor, Zamalek, Cairo', lat: 30.0609, lng: 31.2197 },
  { name: 'New Cairo', address: 'South 90th Street, New Cairo', lat: 30.0131, lng: 31.4289 },
];

type Car = [
  make: string,
  model: string,
  year: number,
  category: NewVehicle['category'],
  fuel: NewVehicle['fuelType'],
  gears: NewVehicle['transmission'],
  seats: number,
  ratePounds: number,
  features: string[],
];

const CARS: Car[] = [
  ['Toyota', 'Corolla', 2024, 'COMFORT', 'PETROL', 'AUTOMATIC', 5, 1400, ['Bluetooth', 'Rear camera']],
  ['Toyota', 'Yaris', 2023, 'ECONOMY', 'PETROL', 'MANUAL', 5, 900, ['Bluetooth']],
  ['Toyota', 'Camry', 2024, 'PREMIUM', 'HYBRID', 'AUTOMATIC', 5, 2400, ['CarPlay', 'Leather seats']],
  ['Toyota', 'Land Cruiser', 2023, 'SUV', 'DIESEL', 'AUTOMATIC', 7, 5200, ['4x4', 'CarPlay', 'Roof rack']],
  ['Hyundai', 'Elantra', 2024, 'COMFORT', 'PETROL', 'AUTOMATIC', 5, 1300, ['CarPlay', 'Rear camera']],
  ['Hyundai', 'Accent', 2022, 'ECONOMY', 'PETROL', 'MANUAL', 5, 850, ['Bluetooth']],
  ['Hyundai', 'Tucson', 2024, 'SUV', 'PETROL', 'AUTOMATIC', 5, 2200, ['CarPlay', 'Panoramic roof']],
  ['Hyundai', 'Staria', 2023, 'XL', 'DIESEL', 'AUTOMATIC', 9, 2900, ['Rear camera', 'Child seat']],
  ['Kia', 'Cerato', 2023, 'COMFORT', 'PETROL', 'AUTOMATIC', 5, 1350, ['CarPlay']],
  ['Kia', 'Picanto', 2023, 'ECONOMY', 'PETROL', 'AUTOMATIC', 4, 800, ['Bluetooth']],
  ['Kia', 'Sportage', 2024, 'SUV', 'PETROL', 'AUTOMATIC', 5, 2300, ['CarPlay', 'Rear camera']],
  ['Kia', 'Carnival', 2024, 'XL', 'PETROL', 'AUTOMATIC', 8, 3100, ['CarPlay', 'Child seat']],
  ['Nissan', 'Sunny', 2022, 'ECONOMY', 'PETROL', 'AUTOMATIC', 5, 820, ['Bluetooth']],
  ['Renault', 'Logan', 2022, 'ECONOMY', 'PETROL', 'MANUAL', 5, 780, ['Bluetooth']],
  ['Skoda', 'Octavia', 2024, 'COMFORT', 'PETROL', 'AUTOMATIC', 5, 1700, ['CarPlay', 'Heated seats']],
  ['BYD', 'Song Plus', 2024, 'SUV', 'ELECTRIC', 'AUTOMATIC', 5, 2500, ['CarPlay', 'Panoramic roof']],
  ['Mercedes-Benz', 'E 200', 2024, 'LUXURY', 'PETROL', 'AUTOMATIC', 5, 6500, ['Leather seats', 'CarPlay']],
  ['BMW', '520i', 2024, 'LUXURY', 'PETROL', 'AUTOMATIC', 5, 6800, ['Leather seats', 'CarPlay']],
  ['BMW', 'Z4', 2023, 'SPORTS', 'PETROL', 'AUTOMATIC', 2, 7200, ['Convertible']],
  ['Volkswagen', 'Passat', 2023, 'PREMIUM', 'PETROL', 'AUTOMATIC', 5, 2100, ['CarPlay', 'Leather seats']],
];

/** Four stations and twenty cars in Cairo (FL-09), with fixed ids so that a second run adds nothing. */
export async function seedFleet(db: Database): Promise<void> {
  const cause = { traceId: '0'.repeat(32), causationId: 'seed' };
  await inTransaction(systemActor('seed'), db, cause, async (tx) => {
    for (const [index, station] of STATIONS.entries()) {
      await addStation(tx, { ...station, id: stationId(index + 1), timeZone: 'Africa/Cairo', openingHours: 'Every day 08:00 to 22:00' });
    }
    const present = new Set(
      (
        await vehiclesByIds(
          tx.orm,
          CARS.map((_, index) => vehicleId(index + 1)),
        )
      ).map((row) => row.id),
    );
    for (const [index, [make, model, year, category, fuelType, transmission, seats, pounds, features]] of CARS.entries()) {
      const id = vehicleId(index + 1);
      if (present.has(id)) continue;
      await createVehicle(tx, {
        id,
        make,
        model,
        year,
        category,
        fuelType,
        transmission,
        seats,
        features,
        dailyRate: money(BigInt(pounds) * 100n),
        plate: `CAI ${1000 + index}`,
        stationId: stationId((index % STATIONS.length) + 1),
      });
    }
  });
}
