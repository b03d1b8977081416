import { createRequire } from 'node:module';
import bidiFactory from 'bidi-js';

const require = createRequire(import.meta.url);

/** What we use of bidi-js, which comes without types. */
interface Bidi {
  getEmbeddingLevels(text: string, baseDirection: 'ltr' | 'rtl'): { levels: Uint8Array };
  getMirroredCharacter(character: string): string | null;
}
const bidi = (bidiFactory as unknown as () => Bidi)();

type Document = PDFKit.PDFDocument;
export type Weight = 'regular' | 'bold';

const WEIGHTS = { regular: 400, bold: 700 } as const;
/** The parts into which the fonts are cut, tried in this order. */
const PARTS = [
  ['latin', 'noto-sans/files/noto-sans-latin'],
  ['latin-ext', 'noto-sans/files/noto-sans-latin-ext'],
  ['cyrillic', 'noto-sans/files/noto-sans-cyrillic'],
  ['greek', 'noto-sans/files/noto-sans-greek'],
  ['vietnamese', 'noto-sans/files/noto-sans-vietnamese'],
  ['arabic', 'noto-sans-arabic/files/noto-sans-arabic-arabic'],
] as const;

const fontName = (part: string, weight: Weight) => `${part}-${weight}`;

/** Makes the fonts known to a document; only what is used of them goes into the file. */
export function registerFonts(document: Document): void {
  for (const [part, file] of PARTS) {
    for (const weight of Object.keys(WEIGHTS) as Weight[]) {
      document.registerFont(fontName(part, weight), require.resolve(`@fontsource/${file}-${WEIGHTS[weight]}-normal.woff`));
    }
  }
}

/** Blocks of Unicode by part: what none of them has is shown as a box, as everywhere. */
function partOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if ((code >= 0x600 && code <= 0x6ff) || (code >= 0x750 && code <= 0x77f) || (code >= 0xfb50 && code <= 0xfeff)) return 'arabic';
  if (code >= 0x400 && code <= 0x52f) return 'cyrillic';
  if (code >= 0x370 && code <= 0x3ff) return 'greek';
  if (code >= 0x1ea0 && code <= 0x1ef9) return 'vietnamese';
  if (code >= 0x100 && code <= 0x24f) return 'latin-ext';
  return 'latin';
}

interface Piece {
  text: string;
  font: string;
}

/**
 * One line as pieces from left to right, each of one font and direction. The Arabic shaper turns the letters of a piece itself, but it is handed word by
 * word, so the words of a piece that runs from right to left are put in that order here.
 */
export function piecesOf(text: string, weight: Weight): Piece[] {
  // The document is written from left to right, whatever a name in it begins with.
  const { levels } = bidi.getEmbeddingLevels(text, 'ltr');
  const runs: { text: string; level: number; part: string }[] = [];
  for (let index = 0; index < text.length; ) {
    const character = String.fromCodePoint(text.codePointAt(index) ?? 0);
    const level = levels[index] ?? 0;
    const last = runs.at(-1);
    // A space takes the font of what it follows.
    const part = character === ' ' && last ? last.part : partOf(character);
    if (last && last.level === level && last.part === part) last.text += character;
    else runs.push({ text: character, level, part });
    index += character.length;
  }
  const visual = inVisualOrder(runs);
  return visual.flatMap(({ text: run, level, part }) => {
    const font = fontName(part, weight);
    if (level % 2 === 0) return [{ text: run, font }];
    return run
      .split(/( )/)
      .filter(Boolean)
      .reverse()
      .map((word) => ({ text: fromRight(word, part), font }));
  });
}

/** A word that runs from right to left: brackets open to the other side, and what is no Arabic is turned here, because no shaper does. */
function fromRight(word: string, part: string): string {
  const mirrored = [...word].map((character) => bidi.getMirroredCharacter(character) ?? character);
  return (part === 'arabic' ? mirrored : mirrored.reverse()).join('');
}

/** Rule L2 of the Unicode bidirectional algorithm, over runs: from the highest level down, what lies at or above it is reversed. */
function inVisualOrder<T extends { level: number }>(runs: readonly T[]): T[] {
  const ordered = [...runs];
  const highest = Math.max(0, ...runs.map(({ level }) => level));
  for (let level = highest; level > 0; level -= 1) {
    for (let from = 0; from < ordered.length; from += 1) {
      let to = from;
      while (to < ordered.length && (ordered[to] as T).level >= level) to += 1;
      if (to > from) ordered.splice(from, to - from, ...ordered.slice(from, to).reverse());
      from = Math.max(from, to);
    }
  }
  return ordered;
}

export interface TextStyle {
  size: number;
  weight?: Weight;
  color?: string;
}

export function widthOf(document: Document, text: string, { size, weight = 'regular' }: TextStyle): number {
  return piecesOf(text, weight).reduce((width, piece) => width + document.font(piece.font).fontSize(size).widthOfString(piece.text), 0);
}

/** Draws one line with its left end at `x`, or its right end when `align` says so. */
export function drawLine(document: Document, text: string, at: { x: number; y: number; width?: number; align?: 'left' | 'right' }, style: TextStyle): void {
  const { size, weight = 'regular', color = '#111827' } = style;
  let { x } = at;
  if (at.align === 'right') x = at.x + (at.width ?? 0) - widthOf(document, text, style);
  for (const piece of piecesOf(text, weight)) {
    document.font(piece.font).fontSize(size).fillColor(color);
    // By the baseline: fonts of several scripts have different heights.
    document.text(piece.text, x, at.y, { lineBreak: false, baseline: 'alphabetic' });
    x += document.widthOfString(piece.text);
  }
}

/** Breaks a text into lines that fit into a width. A word that is wider than that stays whole lines by itself, cut where it must be. */
export function linesOf(document: Document, text: string, width: number, style: TextStyle): string[] {
  const lines: string[] = [];
  const space = widthOf(document, ' ', style);
  const words = text.split(/\s+/).filter(Boolean);
  let line = '';
  let used = 0;
  for (const word of words.flatMap((each) => cut(document, each, width, style))) {
    // Each word is measured once: measuring whole lines again and again would cost more than drawing them.
    const needed = widthOf(document, word, style);
    if (line !== '' && used + space + needed > width) {
      lines.push(line);
      line = word;
      used = needed;
    } else {
      used += line === '' ? needed : space + needed;
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  return line === '' ? lines : [...lines, line];
}

function cut(document: Document, word: string, width: number, style: TextStyle): string[] {
  if (widthOf(document, word, style) <= width) return [word];
  const parts: string[] = [];
  let part = '';
  for (const character of word) {
    if (part !== '' && widthOf(document, part + character, style) > width) {
      parts.push(part);
      part = character;
    } else part += character;
  }
  return [...parts, part];
}
