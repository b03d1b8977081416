import { setImmediate as breathe } from 'node:timers/promises';
import PDFDocument from 'pdfkit';
import { type AgreementFacts, amountInWords, LESSOR, momentInWords, termsOf } from './agreement.js';
import { drawLine, linesOf, registerFonts, type TextStyle } from './pdfText.js';

const A4 = { width: 595.28, height: 841.89 };
const MARGIN = 56;
const WIDTH = A4.width - 2 * MARGIN;
/** What is kept free at the foot of each page for its number. */
const FOOT = 64;
const BOTTOM = A4.height - FOOT;

const INK = '#111827';
const SOFT = '#4b5563';
const RULE = '#cbd5e1';
const ACCENT = '#0f766e';
const BODY: TextStyle = { size: 9.5, color: INK };
const SMALL: TextStyle = { size: 8, color: SOFT };
const LEADING = 1.45;

/** A page that is filled from top to bottom; a block that does not fit begins the next one. */
class Sheet {
  y = MARGIN;
  constructor(readonly document: PDFKit.PDFDocument) {}

  room(height: number): void {
    if (this.y + height <= BOTTOM) return;
    this.document.addPage();
    this.y = MARGIN;
  }

  line(text: string, style: TextStyle, at: { x?: number; width?: number; align?: 'left' | 'right' } = {}): void {
    drawLine(this.document, text, { x: at.x ?? MARGIN, y: this.y + style.size, width: at.width ?? WIDTH, align: at.align }, style);
  }

  paragraph(text: string, style: TextStyle, at: { x?: number; width?: number } = {}): void {
    for (const line of linesOf(this.document, text, at.width ?? WIDTH, style)) {
      this.room(style.size * LEADING);
      this.line(line, style, at);
      this.y += style.size * LEADING;
    }
  }

  rule(color = RULE, weight = 0.6): void {
    this.document
      .moveTo(MARGIN, this.y)
      .lineTo(MARGIN + WIDTH, this.y)
      .lineWidth(weight)
      .strokeColor(color)
      .stroke();
  }

  heading(text: string): void {
    // A heading is not left alone at the foot of a page.
    this.room(64);
    this.y += 14;
    this.line(text, { size: 11, weight: 'bold', color: ACCENT });
    this.y += 17;
    this.rule();
    this.y += 7;
  }
}

/** Two columns of named facts. */
function facts(sheet: Sheet, rows: readonly (readonly [name: string, value: string])[]): void {
  const nameWidth = 110;
  for (const [name, value] of rows) {
    const lines = linesOf(sheet.document, value, WIDTH - nameWidth, BODY);
    sheet.room(lines.length * BODY.size * LEADING);
    sheet.line(name, { ...BODY, color: SOFT });
    for (const line of lines) {
      sheet.line(line, BODY, { x: MARGIN + nameWidth });
      sheet.y += BODY.size * LEADING;
    }
  }
}

function head(sheet: Sheet, agreement: AgreementFacts): void {
  sheet.line(LESSOR.name, { size: 10, weight: 'bold', color: ACCENT });
  sheet.line(agreement.bookingId, SMALL, { align: 'right' });
  sheet.y += 22;
  sheet.line('Car rental agreement', { size: 22, weight: 'bold', color: INK });
  sheet.y += 32;
  const which = agreement.version === 1 ? '' : `, version ${agreement.version}: it takes the place of all earlier ones`;
  sheet.paragraph(`Made on ${momentInWords(agreement.madeAt, agreement.timeZone)}${which}. Times are by the clock of ${agreement.timeZone}.`, SMALL);
}

function price(sheet: Sheet, { lines, total }: AgreementFacts): void {
  for (const { label, amount } of lines) {
    sheet.room(BODY.size * LEADING);
    sheet.line(label, BODY);
    sheet.line(amountInWords(amount), BODY, { align: 'right' });
    sheet.y += BODY.size * LEADING;
  }
  sheet.room(30);
  sheet.y += 3;
  sheet.rule(INK, 0.8);
  sheet.y += 5;
  const bold: TextStyle = { size: 11, weight: 'bold', color: INK };
  sheet.line('Total, taxes included', bold);
  sheet.line(amountInWords(total), bold, { align: 'right' });
  sheet.y += 18;
}

async function terms(sheet: Sheet, agreement: AgreementFacts): Promise<void> {
  for (const [index, { title, text }] of termsOf(agreement).entries()) {
    sheet.room(40);
    sheet.line(`${index + 1}.`, { ...BODY, weight: 'bold' });
    sheet.line(title, { ...BODY, weight: 'bold' }, { x: MARGIN + 18 });
    sheet.y += BODY.size * LEADING;
    sheet.paragraph(text, { size: 9, color: INK }, { x: MARGIN + 18, width: WIDTH - 18 });
    sheet.y += 5;
    await breathe();
  }
}

const BOX_HEIGHT = 104;

/** Both boxes on one page, with what they are signed under. */
function signatures(sheet: Sheet, agreement: AgreementFacts): void {
  sheet.room(BOX_HEIGHT + 76);
  sheet.heading('Signatures');
  sheet.paragraph('By signing, both sides agree to all of the above. Each gets a copy.', BODY);
  sheet.y += 8;
  const gap = 18;
  const width = (WIDTH - gap) / 2;
  const boxes = [
    { title: 'For the lessor', name: LESSOR.name },
    { title: 'Renter', name: agreement.renter.name },
  ];
  const top = sheet.y;
  for (const [index, { title, name }] of boxes.entries()) {
    const x = MARGIN + index * (width + gap);
    sheet.document.roundedRect(x, top, width, BOX_HEIGHT, 4).lineWidth(0.8).strokeColor(RULE).stroke();
    drawLine(sheet.document, title, { x: x + 10, y: top + 18 }, { ...SMALL, weight: 'bold' });
    sheet.document
      .moveTo(x + 10, top + 66)
      .lineTo(x + width - 10, top + 66)
      .lineWidth(0.6)
      .strokeColor(INK)
      .stroke();
    const [shown = ''] = linesOf(sheet.document, name, width - 20, SMALL);
    drawLine(sheet.document, shown, { x: x + 10, y: top + 79 }, { ...SMALL, color: INK });
    drawLine(sheet.document, 'Place and date, signature', { x: x + 10, y: top + 93 }, SMALL);
  }
  sheet.y = top + BOX_HEIGHT;
}

function footers(document: PDFKit.PDFDocument, agreement: AgreementFacts): void {
  const { start, count } = document.bufferedPageRange();
  for (let page = 0; page < count; page += 1) {
    document.switchToPage(start + page);
    const y = A4.height - 34;
    document
      .moveTo(MARGIN, y - 14)
      .lineTo(MARGIN + WIDTH, y - 14)
      .lineWidth(0.5)
      .strokeColor(RULE)
      .stroke();
    drawLine(document, `Car rental agreement ${agreement.bookingId}`, { x: MARGIN, y }, SMALL);
    drawLine(document, `Page ${page + 1} of ${count}`, { x: MARGIN, y, width: WIDTH, align: 'right' }, SMALL);
  }
}

/**
 * The agreement as a PDF on A4 that both sides can sign (BK-11), on paper or on a screen. Shaping takes some hundred milliseconds of the processor: between
 * its parts others get their turn.
 */
export async function renderAgreement(agreement: AgreementFacts): Promise<Buffer> {
  const document = new PDFDocument({
    size: 'A4',
    margin: 0,
    bufferPages: true,
    lang: 'en',
    displayTitle: true,
    info: { Title: `Car rental agreement ${agreement.bookingId}`, Author: LESSOR.name, CreationDate: agreement.madeAt },
  });
  const chunks: Buffer[] = [];
  const done = new Promise<Buffer>((resolve, reject) => {
    document.on('data', (chunk: Buffer) => chunks.push(chunk));
    document.once('end', () => resolve(Buffer.concat(chunks)));
    document.once('error', reject);
  });
  registerFonts(document);
  const sheet = new Sheet(document);
  const { renter, driver, vehicle, pickup, dropoff, timeZone } = agreement;
  const place = ({ name, address }: { name: string; address: string }) => `${name}, ${address}`;
  const contact = [renter.email, renter.phone].filter(Boolean).join(', ');
  head(sheet, agreement);
  sheet.heading('Between');
  facts(sheet, [
    ['Lessor', `${LESSOR.name}, ${place(pickup.station)}`],
    ['Renter', renter.name],
    ...(contact ? [['', contact] as const] : []),
    ...(driver ? [['Driver', driver] as const] : []),
  ]);
  await breathe();
  sheet.heading('Vehicle');
  const words = (text: string) => text.charAt(0) + text.slice(1).toLowerCase();
  facts(sheet, [
    ['Vehicle', vehicle.title],
    ['Licence plate', vehicle.plate],
    ['Class', `${words(vehicle.category)}, ${words(vehicle.fuelType)}, ${words(vehicle.transmission)}, ${vehicle.seats} seats`],
  ]);
  sheet.heading('Time and place');
  facts(sheet, [
    ['Pick-up', momentInWords(pickup.at, timeZone)],
    ['', place(pickup.station)],
    ['Return', momentInWords(dropoff.at, timeZone)],
    ['', place(dropoff.station)],
    ['Length', agreement.days === 1 ? '1 day' : `${agreement.days} days`],
  ]);
  await breathe();
  sheet.heading('Price');
  price(sheet, agreement);
  sheet.heading('Terms');
  await terms(sheet, agreement);
  signatures(sheet, agreement);
  footers(document, agreement);
  await breathe();
  document.end();
  return done;
}
