import PDFDocument from 'pdfkit';
import { expect, test } from 'vitest';
import { money } from '../../platform/money.js';
import { type AgreementFacts, amountInWords, momentInWords, termsOf } from './agreement.js';
import { renderAgreement } from './agreementPdf.js';
import { linesOf, piecesOf, registerFonts, widthOf } from './pdfText.js';

const station = { name: 'Cairo Downtown', address: '12 شارع طلعت حرب, Cairo' };
const facts = (more: Partial<AgreementFacts> = {}): AgreementFacts => ({
  ...{ bookingId: 'bkg_01kahw2ndve4w9s2g4h6j8k0m2', version: 1, madeAt: new Date('2026-11-20T12:00:00Z'), timeZone: 'Africa/Cairo' },
  renter: { name: 'منى عبد الرحمن (Mona)', email: 'mona@example.test', phone: null },
  driver: null,
  vehicle: { title: 'Toyota Corolla 2024', plate: 'س ص ط 1234', category: 'COMFORT', fuelType: 'PETROL', transmission: 'AUTOMATIC', seats: 5 },
  pickup: { at: new Date('2027-03-01T08:00:00Z'), station },
  dropoff: { at: new Date('2027-03-09T08:00:00Z'), station },
  days: 8,
  lines: [{ label: '8 days at 1400.00 EGP', amount: money(1_120_000n) }],
  ...{ total: money(1_276_800n), dailyRate: money(140_000n), paymentMethod: 'WALLET' as const },
  ...more,
});

test.each([
  ['2027-03-01T08:00:00Z', 'Africa/Cairo', 'Monday 1 March 2027, 10:00 (UTC+02:00)'],
  ['2027-05-08T07:00:00Z', 'Africa/Cairo', 'Saturday 8 May 2027, 10:00 (UTC+03:00)'],
  // The hour that comes twice in Berlin: the same words but for the offset.
  ['2027-10-31T00:30:00Z', 'Europe/Berlin', 'Sunday 31 October 2027, 02:30 (UTC+02:00)'],
  ['2027-10-31T01:30:00Z', 'Europe/Berlin', 'Sunday 31 October 2027, 02:30 (UTC+01:00)'],
  ['2028-02-28T22:30:00Z', 'Africa/Cairo', 'Tuesday 29 February 2028, 00:30 (UTC+02:00)'],
  ['2027-01-01T00:00:00Z', 'UTC', 'Friday 1 January 2027, 00:00 (UTC+00:00)'],
])('BK-11: %s in %s is written by the clock of the station', (moment, zone, words) => {
  expect(momentInWords(new Date(moment), zone)).toBe(words);
});

test('BK-11: amounts have their thousands apart and as many digits as their currency', () => {
  expect(amountInWords(money(1_499_100n))).toBe('14,991.00 EGP');
  expect(amountInWords(money(-112_000n))).toBe('-1,120.00 EGP');
  expect(amountInWords(money(-11_200n))).toBe('-112.00 EGP');
  expect(amountInWords(money(1_234_567n, 'JPY'))).toBe('1,234,567 JPY');
  expect(amountInWords(money(1_234_567n, 'KWD'))).toBe('1,234.567 KWD');
});

test('BK-11: names keep their order: Arabic words run from the right, Latin ones, numbers and brackets as they should', () => {
  const shown = (text: string) => piecesOf(text, 'regular').map((piece) => piece.text);
  expect(shown('Mona Customer')).toEqual(['Mona Customer']);
  expect(shown('منى عبد')).toEqual(['عبد', ' ', 'منى']);
  expect(shown('منى عبد (Mona)').join('')).toBe('عبد منى (Mona)');
  expect(shown('12 شارع طلعت, Cairo').join('')).toBe('12 طلعت شارع, Cairo');
  expect(shown('س ط 1234').join('')).toBe('1234 ط س');
  expect(piecesOf('Łukasz', 'bold').map(({ font }) => font)).toEqual(['latin-ext-bold', 'latin-bold']);
});

test('BK-11: lines fit their width, and a word that is too wide is cut', () => {
  const document = new PDFDocument({ size: 'A4' });
  registerFonts(document);
  const style = { size: 10 };
  const text = `${'word '.repeat(60)}${'x'.repeat(200)}`;
  const lines = linesOf(document, text, 200, style);
  for (const line of lines) expect(widthOf(document, line, style)).toBeLessThanOrEqual(200.5);
  expect(lines.join('').replace(/\s/g, '')).toBe(text.replace(/\s/g, ''));
  document.end();
});

test('BK-11: the PDF has as many pages as it needs, and the same facts make the same terms', async () => {
  const pagesOf = async (agreement: AgreementFacts) => (await renderAgreement(agreement)).toString('latin1').match(/\/Type \/Page\b(?!s)/g)?.length;
  expect(await pagesOf(facts())).toBe(2);
  const many = Array.from({ length: 90 }, (_, n) => ({ label: `Line ${n}`, amount: money(BigInt(n)) }));
  expect(await pagesOf(facts({ lines: many }))).toBe(4);
  const long = { name: 'A very long name '.repeat(12), email: null, phone: null };
  expect(await pagesOf(facts({ renter: long }))).toBeGreaterThanOrEqual(2);
  expect(termsOf(facts()).map(({ text }) => text)).toEqual(termsOf(facts()).map(({ text }) => text));
  expect(termsOf(facts()).some(({ text }) => text.includes('1,400.00 EGP'))).toBe(true);
});
