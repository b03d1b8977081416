import { expect, test } from 'vitest';
import { pdfDocument, visualRuns } from './pdfDocument.js';

const shown = (text: string, direction?: 'ltr' | 'rtl') => visualRuns(text, direction).map((run) => run.text);

test('PL-22: lines of both directions stand in the order of the bidirectional algorithm, each script in its own font', () => {
  expect(shown('Customer: Mona')).toEqual(['Customer: Mona']);
  // Words of an Arabic name follow each other from the right.
  expect(shown('For محمد علي, Cairo')).toEqual(['For ', 'علي', ' ', 'محمد', ', Cairo']);
  // Latin words and numbers inside an Arabic line keep their order; brackets look inwards.
  expect(shown('رقم 12345 (Toyota Corolla)', 'rtl')).toEqual(['(', 'Toyota Corolla', ') ', '12345', ' ', 'رقم']);
  // The font turns them once more: digits are read from the left.
  expect(visualRuns('سنة ٢٠٢٦', 'rtl')[0]).toEqual({ text: '٦٢٠٢', arabic: true });
  expect(visualRuns('ab').map((run) => run.arabic)).toEqual([false]);
  expect(visualRuns('')).toEqual([]);
});

test('PL-22: a document has its fonts in it and as many pages as its table needs', async () => {
  const pdf = pdfDocument({ title: 'A title', landscape: true, createdAt: new Date(0) });
  pdf.heading('عقد إيجار', 'rtl');
  pdf.line('word '.repeat(200));
  pdf.table({
    columns: [
      { name: 'Name', width: 2 },
      { name: 'Amount', width: 1, align: 'right' },
    ],
    rows: Array.from({ length: 100 }, (_, n) => ['فاطمة', String(n)]),
    total: ['All', '4950'],
  });
  const file = await pdf.finish();
  expect(file.subarray(0, 5).toString()).toBe('%PDF-');
  const text = file.toString('latin1');
  expect(text.match(/\/Type \/Page\b/g)?.length).toBe(4);
  expect(text).toContain('NotoSansArabic');
  expect(text).toMatch(/NotoSans-/);
});
