import { formatAmount, type Money } from '../../platform/money.js';
import { NO_SHOW_AFTER_MS } from './charges.js';

/** Who rents the cars out, as it stands in agreements. */
export const LESSOR = { name: 'Waygraph Rentals', line: 'Car rental and ride hailing' } as const;

export interface AgreementStation {
  name: string;
  address: string;
}

/** All that an agreement says. Times are moments; `timeZone` is the one of the station of pick-up, by whose clock they are written. */
export interface AgreementFacts {
  /** `bkg_…`, and which of its agreements this is, from 1. */
  bookingId: string;
  version: number;
  madeAt: Date;
  timeZone: string;
  renter: { name: string; email: string | null; phone: string | null };
  /** The driver, when a partner rents for a guest. */
  driver: string | null;
  vehicle: { title: string; plate: string; category: string; fuelType: string; transmission: string; seats: number };
  pickup: { at: Date; station: AgreementStation };
  dropoff: { at: Date; station: AgreementStation };
  days: number;
  lines: readonly { label: string; amount: Money }[];
  total: Money;
  dailyRate: Money;
  paymentMethod: 'WALLET' | 'CARD';
}

/** `Sunday 1 March 2026, 10:00 (UTC+02:00)`: by the clock of the zone, and with how far that clock is ahead, which differs between summer and winter. */
export function momentInWords(at: Date, timeZone: string): string {
  const part = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, weekday: 'long', day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit' },
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  })
    .formatToParts(at)
    .reduce<Record<string, string>>((parts, { type, value }) => Object.assign(parts, { [type]: value }), {});
  const offset = part.timeZoneName === 'GMT' ? 'UTC+00:00' : (part.timeZoneName ?? '').replace('GMT', 'UTC');
  return `${part.weekday} ${part.day} ${part.month} ${part.year}, ${part.hour}:${part.minute} (${offset})`;
}

export function amountInWords({ amountMinor, currency }: Money): string {
  const [whole = '', digits] = formatAmount({ amountMinor, currency }).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return `${grouped}${digits === undefined ? '' : `.${digits}`} ${currency}`;
}

/** What both sides agree to, in numbered paragraphs. The numbers in them are those that the charges are computed with. */
export function termsOf(facts: AgreementFacts): readonly { title: string; text: string }[] {
  const rate = amountInWords(facts.dailyRate);
  const method = facts.paymentMethod === 'CARD' ? "the renter's card" : "the renter's wallet";
  return [
    {
      title: 'Use of the vehicle',
      text: 'Only the renter and the drivers named in this agreement drive the vehicle. They hold a driving licence that is valid for it, obey the law, do not drive under the influence of alcohol or drugs, do not race, tow or carry people for money, and do not take the vehicle out of the country without written permission.',
    },
    {
      title: 'Pick-up',
      text: `The vehicle is held for the renter from the time of pick-up on. Whoever has not come ${NO_SHOW_AFTER_MS / 3_600_000} hours after it does not get the vehicle any more, and owes one day's rate (${rate}), at most the total price. Odometer, fuel and visible damage are written down, with photos, in the presence of the renter.`,
    },
    {
      title: 'Return',
      text: `The vehicle is brought back by the agreed time, to the agreed station, with as much fuel or charge as it went out with; what is missing is charged. A return up to 30 minutes late is free. After that each hour begun costs a sixth of the daily rate (${rate}), and 24 hours never more than one and a half daily rates.`,
    },
    {
      title: 'Price and payment',
      text: `The price above includes all taxes. It is taken from ${method}. What a late return, missing fuel or damage costs in addition is taken the same way, with an itemised receipt.`,
    },
    {
      title: 'Change and cancellation',
      text: `Dates and vehicle can be changed while the vehicle asked for is free; the difference is charged or given back. Cancelling is free until 24 hours before pick-up; later it costs one day's rate (${rate}), at most the total price.`,
    },
    {
      title: 'Damage, theft and accidents',
      text: 'The renter tells the station at once of any damage, theft or accident, calls the police where people are hurt or others are involved, and admits no liability on behalf of the lessor. The renter pays for damage that was not there at pick-up, unless an insurance in the price covers it or somebody else pays for it.',
    },
    {
      title: 'Data and law',
      text: 'The lessor keeps what is needed for this rental and for its books, and hands it to nobody but those who are needed to carry it out, or when the law asks for it. The law of the place of pick-up applies.',
    },
  ];
}
