import { createRequire } from 'node:module';
import bidiFactory from 'bidi-js';
import PDFKit from 'pdfkit';

/**
 * PDF files with the few things that our papers have: headings, lines, tables and page numbers, in Latin and Arabic script. Fonts are embedded (Noto Sans),
 * letters are joined by the font's own rules, and lines that mix both directions are ordered by the Unicode bidirectional algorithm (UAX #9).
 */
export interface PdfDocument {
  heading(text: string, direction?: 'ltr' | 'rtl'): void;
  /** A line or paragraph; breaks between words when it is too long. */
  line(text: string, options?: { bold?: boolean; direction?: 'ltr' | 'rtl'; gapAfter?: number }): void;
  /** Rows of cells under names that are repeated on each page. `total` stands out at the end. */
  table(table: { columns: readonly PdfColumn[]; rows: readonly (readonly string[])[]; total?: readonly string[] }): void;
  /** Numbers the pages and ends the file. */
  finish(): Promise<Buffer>;
}

export interface PdfColumn {
  name: string;
  /** Share of the page's width, in the same unit for all columns. */
  width: number;
  align?: 'left' | 'right';
}

const require = createRequire(import.meta.url);
/** What is used of it. Its types describe the module of its other build; Node loads the one that is the function itself. */
const bidi = (
  bidiFactory as unknown as () => {
    getEmbeddingLevels(text: string, direction: 'ltr' | 'rtl' | 'auto'): { levels: Uint8Array };
    getMirroredCharacter(letter: string): string | null;
  }
)();

const FONTS = {
  latin: '@fontsource/noto-sans/files/noto-sans-latin-400-normal.woff',
  latinBold: '@fontsource/noto-sans/files/noto-sans-latin-700-normal.woff',
  arabic: '@fontsource/noto-sans-arabic/files/noto-sans-arabic-arabic-400-normal.woff',
  arabicBold: '@fontsource/noto-sans-arabic/files/noto-sans-arabic-arabic-700-normal.woff',
} as const;
type Font = keyof typeof FONTS;

const MARGIN = 40;
const BODY_SIZE = 9;
const HEADING_SIZE = 16;
const FOOTER_SIZE = 8;
const LINE_GAP = 1.5;
const CELL_PADDING = 3;
const GREY = '#666666';
const RULE = '#bbbbbb';
const SHADE = '#f2f4f7';

const ARABIC = /[\u0600-\u06ff\u0750-\u077f\u08a0-\u08ff\ufb50-\ufdff\ufe70-\ufeff]/;

/** A piece of a line in one font and direction, as it stands from left to right. Its letters are in the order of reading. */
interface Run {
  text: string;
  arabic: boolean;
}

interface Piece extends Run {
  level: number;
}

/** The runs of a line from left to right. `direction` is that of the paragraph; that of its first strong letter when not given. */
export function visualRuns(text: string, direction?: 'ltr' | 'rtl'): Run[] {
  return inVisualOrder(piecesOf(text, direction)).map(({ text: piece, arabic, level }) => {
    // The Arabic font sets letters from the right, its digits as well, which are read from the left; a Latin font sets everything from the left, also the
    // spaces and signs of a stretch that is read from the right.
    const turned = arabic ? level % 2 === 0 : level % 2 === 1;
    return { text: turned ? [...piece].reverse().join('') : piece, arabic };
  });
}

function piecesOf(text: string, direction: 'ltr' | 'rtl' | undefined): Piece[] {
  const { levels } = bidi.getEmbeddingLevels(text, direction ?? 'auto');
  const pieces: Piece[] = [];
  let at = 0;
  for (const letter of text) {
    const level = levels[at] ?? 0;
    const arabic = ARABIC.test(letter);
    // In a stretch that is read from the right, brackets look the other way.
    const shown = level % 2 === 1 && !arabic ? (bidi.getMirroredCharacter(letter) ?? letter) : letter;
    const last = pieces.at(-1);
    if (last?.level === level && last.arabic === arabic) last.text += shown;
    else pieces.push({ text: shown, arabic, level });
    at += letter.length;
  }
  return pieces;
}

/** UAX #9, rule L2: from the highest level down to the lowest odd one, every stretch of at least that level is turned around. */
function inVisualOrder(pieces: readonly Piece[]): Piece[] {
  const order = [...pieces];
  for (let level = Math.max(0, ...order.map((piece) => piece.level)); level >= 1; level -= 1) {
    for (let start = 0; start < order.length; start += 1) {
      let end = start;
      while ((order[end]?.level ?? -1) >= level) end += 1;
      if (end > start + 1) order.splice(start, end - start, ...order.slice(start, end).reverse());
      start = Math.max(start, end);
    }
  }
  return order;
}

/** An empty document. `title` goes into the file's own description and under each page. */
export function pdfDocument(options: { title: string; landscape?: boolean; createdAt: Date }): PdfDocument {
  const doc = new PDFKit({
    size: 'A4',
    layout: options.landscape ? 'landscape' : 'portrait',
    margin: MARGIN,
    bufferPages: true,
    info: { Title: options.title, CreationDate: options.createdAt, ModDate: options.createdAt, Producer: 'Waygraph', Creator: 'Waygraph' },
  });
  for (const [name, file] of Object.entries(FONTS)) doc.registerFont(name, require.resolve(file));
  const chunks: Buffer[] = [];
  doc.on('data', (chunk: Buffer) => chunks.push(chunk));
  const ended = new Promise<Buffer>((resolve, reject) => {
    doc.on('end', () => resolve(Buffer.concat(chunks)));
    doc.on('error', reject);
  });
  const width = doc.page.width - 2 * MARGIN;
  const bottom = () => doc.page.height - MARGIN - FOOTER_SIZE * 2;

  const fontOf = (run: Run, bold: boolean): Font => (run.arabic ? (bold ? 'arabicBold' : 'arabic') : bold ? 'latinBold' : 'latin');
  const widthOf = (runs: readonly Run[], bold: boolean, size: number) =>
    runs.reduce((sum, run) => sum + doc.font(fontOf(run, bold)).fontSize(size).widthOfString(run.text), 0);
  const lineHeight = (size: number) => size * 1.36 + LINE_GAP;

  /** Draws one line whose left or right end is at `x`. Both fonts stand on one base line. */
  function draw(
    text: string,
    x: number,
    y: number,
    style: { bold: boolean; size: number; align: 'left' | 'right'; direction?: 'ltr' | 'rtl' | undefined },
  ): void {
    const { bold, size, align, direction } = style;
    const runs = visualRuns(text, direction);
    let left = align === 'right' ? x - widthOf(runs, bold, size) : x;
    for (const run of runs) {
      doc.font(fontOf(run, bold)).fontSize(size);
      doc.text(run.text, left, y + size, { lineBreak: false, baseline: 'alphabetic' });
      left += doc.widthOfString(run.text);
    }
  }

  /** Words in lines that fit; a word that is longer than a line stays whole. */
  function broken(text: string, bold: boolean, size: number, room: number): string[] {
    const lines: string[] = [];
    for (const word of text.split(/\s+/)) {
      const longer = lines.length > 0 ? `${lines.at(-1)} ${word}` : word;
      if (lines.length > 0 && widthOf(visualRuns(longer), bold, size) <= room) lines[lines.length - 1] = longer;
      else lines.push(word);
    }
    return lines;
  }

  /** Sees that so much room is left on the page. */
  function makeRoom(height: number): boolean {
    if (doc.y + height <= bottom()) return false;
    doc.addPage();
    doc.y = MARGIN;
    return true;
  }

  function paragraph(text: string, bold: boolean, size: number, direction: 'ltr' | 'rtl', gapAfter: number): void {
    for (const part of broken(text, bold, size, width)) {
      makeRoom(lineHeight(size));
      const y = doc.y;
      draw(part, direction === 'rtl' ? MARGIN + width : MARGIN, y, { bold, size, align: direction === 'rtl' ? 'right' : 'left', direction });
      doc.y = y + lineHeight(size);
    }
    doc.y += gapAfter;
  }

  return {
    heading: (text, direction = 'ltr') => paragraph(text, true, HEADING_SIZE, direction, 2),
    line: (text, { bold = false, direction = 'ltr', gapAfter = 2 } = {}) => paragraph(text, bold, BODY_SIZE, direction, gapAfter),

    table({ columns, rows, total }) {
      const unit = width / columns.reduce((sum, column) => sum + column.width, 0);
      const height = lineHeight(BODY_SIZE) + CELL_PADDING;
      const drawRow = (cells: readonly string[], bold: boolean, shade: string | null) => {
        const top = doc.y;
        if (shade) doc.rect(MARGIN, top, width, height).fill(shade).fillColor('black');
        let left = MARGIN;
        columns.forEach((column, index) => {
          const right = left + column.width * unit;
          const align = column.align ?? 'left';
          draw(cells[index] ?? '', align === 'right' ? right - CELL_PADDING : left + CELL_PADDING, top + CELL_PADDING / 2, { bold, size: BODY_SIZE, align });
          left = right;
        });
        doc.y = top + height;
      };
      const names = () => {
        drawRow(
          columns.map((column) => column.name),
          true,
          SHADE,
        );
        doc
          .moveTo(MARGIN, doc.y)
          .lineTo(MARGIN + width, doc.y)
          .lineWidth(0.5)
          .stroke(RULE);
      };
      makeRoom(height * 3);
      names();
      for (const row of rows) {
        if (makeRoom(height)) names();
        drawRow(row, false, null);
      }
      if (!total) return;
      if (makeRoom(height)) names();
      doc
        .moveTo(MARGIN, doc.y)
        .lineTo(MARGIN + width, doc.y)
        .lineWidth(0.5)
        .stroke(RULE);
      drawRow(total, true, null);
    },

    finish() {
      const { start, count } = doc.bufferedPageRange();
      for (let page = start; page < start + count; page += 1) {
        doc.switchToPage(page);
        const y = doc.page.height - MARGIN - FOOTER_SIZE;
        // The footer stands in the margin, where the library would begin a new page.
        doc.page.margins.bottom = 0;
        doc.fillColor(GREY);
        draw(options.title, MARGIN, y, { bold: false, size: FOOTER_SIZE, align: 'left' });
        draw(`${page + 1} / ${count}`, MARGIN + width, y, { bold: false, size: FOOTER_SIZE, align: 'right' });
        doc.fillColor('black');
      }
      doc.end();
      return ended;
    },
  };
}
