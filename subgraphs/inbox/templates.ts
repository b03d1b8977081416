import { z } from 'zod';
import { formatAmount } from '../../platform/money.js';

/** Where a person is told. Others (SMS, PUSH) join this list with their adapters. */
export const CHANNELS = ['IN_APP', 'EMAIL'] as const;
export type Channel = (typeof CHANNELS)[number];

/** Languages that the templates speak; Arabic joins here, with `dir: rtl` in the layout. */
export type Language = 'en';

/** What a template says: `title` is also a mail's subject, `body` the notification; a mail may say more in `paragraphs`. Plain text, all of it. */
export interface Words {
  title: string;
  body: string;
  paragraphs?: string[];
}

/** One kind of message. `version` grows when its data changes, so that stored data is read as it was meant. */
export interface Template<D = unknown> {
  version: number;
  channels: readonly Channel[];
  data: z.ZodType<D>;
  words: Readonly<Record<Language, (data: D) => Words>>;
}

const template = <D>(declaration: Template<D>): Template => declaration as unknown as Template;

const amountSchema = z.object({ amountMinor: z.string().regex(/^-?\d+$/), currency: z.string() });
const nothing = z.object({});
const booking = z.object({ bookingId: z.uuid() });
const trip = z.object({ tripId: z.uuid() });
const withdrawal = amountSchema.extend({ withdrawalId: z.uuid() });
const payment = amountSchema.extend({ paymentId: z.uuid(), method: z.string(), bookingId: z.uuid().nullish(), tripId: z.uuid().nullish() });

type Amount = z.output<typeof amountSchema>;

/** `1,250.00 EGP` */
function amountText({ amountMinor, currency }: Amount): string {
  const [whole = '', fraction] = formatAmount({ amountMinor: BigInt(amountMinor), currency }).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return `${fraction === undefined ? grouped : `${grouped}.${fraction}`} ${currency}`;
}

/** By Cairo's clock, and says so: `Mon, 1 Mar 2027, 10:00 (Cairo)`. */
function timeText(iso: string): string {
  const parts = new Intl.DateTimeFormat('en-GB', {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone: 'Africa/Cairo',
  });
  return `${parts.format(new Date(iso))} (Cairo)`;
}

const feeText = (fee: Amount) => (BigInt(fee.amountMinor) > 0n ? `The cancellation fee is ${amountText(fee)}.` : 'There is no cancellation fee.');
function priceChangeText({ deltaMinor, currency }: { deltaMinor: string; currency: string }): string {
  const delta = BigInt(deltaMinor);
  if (delta === 0n) return 'The price stays the same.';
  return delta > 0n
    ? `It costs ${amountText({ amountMinor: deltaMinor, currency })} more.`
    : `It costs ${amountText({ amountMinor: (-delta).toString(), currency })} less.`;
}
const subjectOf = (data: z.output<typeof payment>) => (data.bookingId ? 'your rental' : data.tripId ? 'your trip' : 'your payment');
const inApp = ['IN_APP'] as const;
const mail = ['EMAIL'] as const;
const both = ['IN_APP', 'EMAIL'] as const;

const aboutTrip = (title: string, body: string) => template({ version: 1, channels: inApp, data: trip, words: { en: () => ({ title, body }) } });
const aboutWithdrawal = (title: string, body: (amount: string) => string) =>
  template({ version: 1, channels: inApp, data: withdrawal, words: { en: (data) => ({ title, body: body(amountText(data)) }) } });

/** Everything that a person is told, by kind. */
export const TEMPLATES = {
  WELCOME: template({
    version: 1,
    channels: inApp,
    data: nothing,
    words: { en: () => ({ title: 'Welcome to Waygraph', body: 'Your account is ready. Rent a car or request a ride whenever you like.' }) },
  }),
  BOOKING_CONFIRMED: template({
    version: 1,
    channels: both,
    data: booking.extend({ ...amountSchema.shape, vehicleTitle: z.string(), pickupAt: z.string(), returnAt: z.string() }),
    words: {
      en: (data) => ({
        title: `Your booking is confirmed: ${data.vehicleTitle}`,
        body: `Pick it up on ${timeText(data.pickupAt)}.`,
        paragraphs: [
          `Your ${data.vehicleTitle} is booked.`,
          `Pick-up: ${timeText(data.pickupAt)}`,
          `Return: ${timeText(data.returnAt)}`,
          `Total: ${amountText(data)}`,
          'Bring your driving licence. You can change or cancel the booking in the app; answer this mail if you have a question.',
        ],
      }),
    },
  }),
  BOOKING_CANCELLED: template({
    version: 1,
    channels: both,
    data: booking.extend({ ...amountSchema.shape, by: z.string(), cause: z.string(), failureCode: z.string().nullish() }),
    words: {
      en: (data) => {
        const why =
          data.cause === 'PAYMENT_FAILED'
            ? 'The payment did not go through, so we could not keep the car for you.'
            : data.by === 'CUSTOMER'
              ? 'As you asked, we cancelled your booking.'
              : 'We had to cancel your booking.';
        const fee = feeText(data);
        return { title: 'Your booking is cancelled', body: `${why} ${fee}`, paragraphs: [why, fee] };
      },
    },
  }),
  BOOKING_EXPIRED: template({
    version: 1,
    channels: inApp,
    data: booking,
    words: { en: () => ({ title: 'Your booking was not completed', body: 'The time to pay ran out, and the car is free again. Nothing was charged.' }) },
  }),
  BOOKING_CHANGED: template({
    version: 1,
    channels: both,
    data: booking.extend({
      ...amountSchema.shape,
      deltaMinor: z.string().regex(/^-?\d+$/),
      vehicleTitle: z.string(),
      pickupAt: z.string(),
      returnAt: z.string(),
      cause: z.string(),
    }),
    words: {
      en: (data) => {
        const why = data.cause === 'REQUESTED' ? 'As you asked, we changed your booking.' : 'We gave you another car at the same price.';
        const price = priceChangeText(data);
        return {
          title: `Your booking is changed: ${data.vehicleTitle}`,
          body: `${why} Pick it up on ${timeText(data.pickupAt)}. ${price}`,
          paragraphs: [
            why,
            `Car: ${data.vehicleTitle}`,
            `Pick-up: ${timeText(data.pickupAt)}`,
            `Return: ${timeText(data.returnAt)}`,
            `Total: ${amountText(data)}`,
            price,
          ],
        };
      },
    },
  }),
  BOOKING_REMINDER: template({
    version: 1,
    channels: both,
    data: booking.extend({ vehicleTitle: z.string(), pickupAt: z.string(), hoursBefore: z.int() }),
    words: {
      en: (data) => ({
        title: `Your pick-up is in ${data.hoursBefore} hours: ${data.vehicleTitle}`,
        body: `Pick it up on ${timeText(data.pickupAt)}. Bring your driving licence.`,
      }),
    },
  }),
  BOOKING_AT_RISK: template({
    version: 1,
    channels: both,
    // Without a reason in what was stored before there was another one: late.
    data: booking.extend({ pickupAt: z.string(), reason: z.string().nullish() }),
    words: {
      en: (data) => {
        const next = 'You can move to a car like it in the app, at the same price, or cancel free of charge.';
        const car = `The car for your pick-up on ${timeText(data.pickupAt)}`;
        if (data.reason === 'ELSEWHERE') return { title: 'Your car is at another station', body: `${car} will not be at your station by then. ${next}` };
        return { title: 'Your car may be late', body: `${car} may not be back in time. ${next}` };
      },
    },
  }),
  BOOKING_STARTED: template({
    version: 1,
    channels: both,
    data: booking,
    words: {
      en: () => ({ title: 'Have a good trip', body: 'The car is yours now. Bring it back in time: somebody may be waiting for it.' }),
    },
  }),
  BOOKING_OVERDUE: template({
    version: 1,
    channels: both,
    data: booking.extend({ returnAt: z.string() }),
    words: {
      en: (data) => ({
        title: 'Your car is overdue',
        body: `It was to be back on ${timeText(data.returnAt)}. Bring it back now, or call the station: each hour begun costs a late fee.`,
      }),
    },
  }),
  BOOKING_RETURNED: template({
    version: 1,
    channels: both,
    data: booking.extend(amountSchema.shape),
    words: {
      en: (data) => ({
        title: 'Thank you for bringing the car back',
        body:
          BigInt(data.amountMinor) > 0n
            ? `The return costs ${amountText(data)}; your booking says for what. The rest of your deposit is released.`
            : 'There is nothing more to pay, and your deposit is released.',
      }),
    },
  }),
  BOOKING_NO_SHOW: template({
    version: 1,
    channels: both,
    data: booking.extend(amountSchema.shape),
    words: {
      en: (data) => ({
        title: 'You did not pick up your car',
        body: `Your booking has ended. ${BigInt(data.amountMinor) > 0n ? `The fee is ${amountText(data)}.` : 'There is no fee.'}`,
      }),
    },
  }),
  RECEIPT: template({
    version: 1,
    channels: mail,
    data: payment,
    words: {
      en: (data) => ({
        title: `Your receipt: ${amountText(data)}`,
        body: `We received ${amountText(data)} for ${subjectOf(data)}.`,
        paragraphs: [`We received ${amountText(data)} for ${subjectOf(data)}.`, `Paid by: ${data.method.toLowerCase()}`, 'Thank you for travelling with us.'],
      }),
    },
  }),
  PAYMENT_FAILED: template({
    version: 1,
    channels: both,
    data: payment.extend({ code: z.string().nullish() }),
    words: {
      en: (data) => ({
        title: 'A payment failed',
        body: `We could not collect ${amountText(data)} for ${subjectOf(data)}. Top up your wallet or use another card.`,
      }),
    },
  }),
  PAYMENT_REFUNDED: template({
    version: 1,
    channels: both,
    data: payment,
    words: { en: (data) => ({ title: `You were refunded ${amountText(data)}`, body: `We paid ${amountText(data)} for ${subjectOf(data)} back to you.` }) },
  }),
  TRIP_ACCEPTED: aboutTrip('Your driver is on the way', 'A driver has accepted your trip. Follow the car on the map.'),
  TRIP_ARRIVED: aboutTrip('Your driver is here', 'Your driver waits at the pick-up point.'),
  TRIP_STARTED: aboutTrip('Your trip has begun', 'Have a good ride.'),
  TRIP_ROUTE_CHANGED: aboutTrip('Your trip has a new destination', 'You agreed to another destination and its price. Both are on the trip.'),
  TRIP_COMPLETED: template({
    version: 1,
    channels: inApp,
    data: trip.extend(amountSchema.shape),
    words: { en: (data) => ({ title: 'You have arrived', body: `The fare is ${amountText(data)}. How was your trip?` }) },
  }),
  TRIP_CANCELLED: template({
    version: 1,
    channels: inApp,
    data: trip.extend({ ...amountSchema.shape, by: z.string() }),
    words: {
      en: (data) => {
        const byOthers = data.by === 'DRIVER' ? 'The driver had to cancel.' : 'We had to cancel your trip.';
        const why = data.by === 'RIDER' ? 'As you asked, we cancelled your trip.' : byOthers;
        return { title: 'Your trip is cancelled', body: `${why} ${feeText(data)}` };
      },
    },
  }),
  TRIP_NO_DRIVERS: aboutTrip('No driver found', 'No driver was free nearby. Nothing was charged. Please try again in a few minutes.'),
  DRIVER_REGISTERED: template({
    version: 1,
    channels: both,
    data: nothing,
    words: { en: () => ({ title: 'We have your registration', body: 'We check your documents and tell you as soon as you can drive.' }) },
  }),
  DRIVER_APPROVED: template({
    version: 1,
    channels: both,
    data: nothing,
    words: { en: () => ({ title: 'You can drive now', body: 'Your registration is approved. Go online in the app to get your first trip.' }) },
  }),
  DRIVER_SUSPENDED: template({
    version: 1,
    channels: both,
    data: nothing,
    words: {
      en: () => ({
        title: 'You cannot drive at the moment',
        body: 'We have suspended your driver account. The app says why. Answer this message if you think that it is a mistake.',
      }),
    },
  }),
  WITHDRAWAL_REQUESTED: aboutWithdrawal('Withdrawal requested', (amount) => `We have your request for ${amount}.`),
  WITHDRAWAL_APPROVED: aboutWithdrawal('Withdrawal approved', (amount) => `${amount} are on their way to you.`),
  WITHDRAWAL_REJECTED: aboutWithdrawal('Withdrawal rejected', (amount) => `Your request for ${amount} was rejected; the money is in your wallet again.`),
  WITHDRAWAL_PAID: aboutWithdrawal('Withdrawal paid', (amount) => `We paid ${amount} out to you.`),
  WITHDRAWAL_FAILED: aboutWithdrawal('Withdrawal failed', (amount) => `We could not pay ${amount} out; the money is in your wallet again.`),
  DEPOSIT_COMPLETED: template({
    version: 1,
    channels: inApp,
    data: amountSchema.extend({ depositId: z.uuid() }),
    words: { en: (data) => ({ title: 'Money added', body: `${amountText(data)} are in your wallet.` }) },
  }),
  FRAUD_FLAGGED: template({
    version: 1,
    channels: inApp,
    data: z.object({ flagId: z.uuid(), flag: z.string() }),
    words: {
      en: ({ flag }) => ({ title: 'An account was flagged', body: `${flag}: the person’s withdrawals wait until an admin clears or confirms it.` }),
    },
  }),
  RECONCILIATION_DISCREPANCY: template({
    version: 1,
    channels: inApp,
    data: z.object({ reconciliationId: z.uuid(), count: z.int().positive() }),
    words: {
      en: ({ count }) => ({
        title: 'The books do not agree',
        body: count === 1 ? 'Reconciliation found one open discrepancy.' : `Reconciliation found ${count} open discrepancies.`,
      }),
    },
  }),
} as const satisfies Record<string, Template>;

export type Kind = keyof typeof TEMPLATES;
export const KINDS = Object.keys(TEMPLATES) as Kind[];

/** The words of a kind for its data. @throws ZodError when the data does not fit: a bug of ours, found before anything is stored */
export function wordsFor(kind: Kind, data: unknown, language: Language = 'en'): Words {
  const { data: schema, words } = TEMPLATES[kind];
  return words[language](schema.parse(data));
}

export function isKind(text: string): text is Kind {
  return text in TEMPLATES;
}
