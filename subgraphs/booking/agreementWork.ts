import { createHash } from 'node:crypto';
import { z } from 'zod';
import { systemActor } from '../../platform/actor.js';
import { publicId } from '../../platform/ids.js';
import type { LiveFeed } from '../../platform/livefeed.js';
import { type OutsideWork, retryAt } from '../../platform/outsideWork.js';
import { type Cause, type Database, inTransaction, type Tx } from '../../platform/postgres.js';
import type { Storage } from '../../platform/storage.js';
import { cancelTimer, setTimer } from '../../platform/timers.js';
import type { SignerPort } from './adapters/signerPort.js';
import type { AgreementFacts } from './agreement.js';
import { AGREEMENT, type AgreementJob, agreementKey, agreementSent, claimAgreement, keepDocument } from './agreementCommands.js';
import { renderAgreement } from './agreementPdf.js';

/** Longer than asking the graph, rendering and the signer's time-out take together. */
const LEASE_MS = 30_000;

const PARTIES = `query AgreementParties($booking: ID!) { booking(id: $booking) {
  customer { name email phone }
  vehicle { plate category fuelType transmission seats }
  station { name address }
  returnStation { name address } } }`;

const stationSchema = z.object({ name: z.string(), address: z.string() });
const partiesSchema = z.object({
  booking: z.object({
    customer: z.object({ name: z.string(), email: z.string().nullable(), phone: z.string().nullable() }),
    vehicle: z.object({ plate: z.string(), category: z.string(), fuelType: z.string(), transmission: z.string(), seats: z.int() }),
    station: stationSchema,
    returnStation: stationSchema,
  }),
});

export interface AgreementWorkOptions {
  db: Database;
  feed: LiveFeed;
  storage: Storage;
  /** Null: nobody has documents signed for us; they are ready for the desk. */
  signer: SignerPort | null;
  /** Reads the graph as a job of ours (EV-02): who rents, and what the car's plate is, are kept elsewhere. */
  askGraph(query: string, variables: Record<string, unknown>): Promise<unknown>;
}

/**
 * Makes the agreement of a booking and has it signed (BK-10, BK-11). Done in steps that can each be repeated: the document is made once and stored, the
 * signer knows a request by its key, and the answer is written down last.
 */
export function agreementWork({ db, feed, storage, signer, askGraph }: AgreementWorkOptions): OutsideWork<AgreementJob> {
  const run = <T>(cause: Cause, work: (tx: Tx) => Promise<T>) => inTransaction(systemActor('agreement'), db, cause, work);

  async function perform(job: AgreementJob, cause: Cause): Promise<void> {
    const { agreement, booking } = job;
    const { booking: parties } = partiesSchema.parse(await askGraph(PARTIES, { booking: publicId('bkg', booking.id) }));
    const key = agreementKey(agreement.id);
    let pdf = agreement.sha256 === null ? null : await storage.get(key);
    if (!pdf) {
      pdf = await renderAgreement(factsOf(job, parties));
      await storage.put(key, pdf);
      const sha256 = createHash('sha256').update(pdf).digest('hex');
      await run(cause, (tx) => keepDocument(tx, agreement.id, sha256));
    }
    const title = `Car rental agreement ${publicId('bkg', booking.id)}`;
    const person = { name: booking.guest?.name ?? parties.customer.name, email: booking.guest ? booking.guest.email : parties.customer.email };
    const sent = signer && (await signer.send({ key: agreement.id, title, pdf, signer: person }));
    await run(cause, async (tx) => {
      await agreementSent(tx, feed, agreement.id, sent?.signUrl ?? null);
      await cancelTimer(tx, AGREEMENT, agreement.id);
    });
  }

  return {
    kind: AGREEMENT,
    leaseMs: LEASE_MS,
    claim: claimAgreement,
    async perform(job, cause) {
      try {
        await perform(job, cause);
      } catch (error) {
        db.log.warn({ err: error, agreement: job.agreement.id, attempts: job.agreement.attempts }, 'agreement not sent; tried again');
        await run(cause, (tx) => setTimer(tx, { kind: AGREEMENT, key: job.agreement.id, dueAt: retryAt(tx.now, job.agreement.attempts) }));
      }
    },
  };
}

function factsOf({ agreement, booking, quote, title, timeZone }: AgreementJob, parties: z.output<typeof partiesSchema>['booking']): AgreementFacts {
  const { currency } = booking;
  const { customer, vehicle, station, returnStation } = parties;
  return {
    bookingId: publicId('bkg', booking.id),
    version: agreement.version,
    madeAt: agreement.createdAt,
    timeZone,
    renter: customer,
    driver: booking.guest?.name ?? null,
    vehicle: { title, ...vehicle },
    pickup: { at: booking.pickupAt, station },
    dropoff: { at: booking.returnAt, station: returnStation },
    days: quote.days,
    lines: quote.lines.map(({ label, amountMinor }) => ({ label, amount: { amountMinor: BigInt(amountMinor), currency } })),
    total: { amountMinor: booking.totalMinor, currency },
    dailyRate: { amountMinor: booking.dailyRateMinor, currency },
    paymentMethod: booking.paymentMethod,
  };
}
