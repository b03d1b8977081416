import { escapeHtml } from './safeHtml.js';
import type { Language } from './templates.js';

const DIRECTION: Readonly<Record<Language, 'ltr' | 'rtl'>> = { en: 'ltr' };
const GREETING: Readonly<Record<Language, (name: string | null) => string>> = { en: (name) => (name ? `Hello ${name},` : 'Hello,') };
const SIGNATURE: Readonly<Record<Language, string>> = { en: 'Waygraph' };

/** A mail's two bodies from the same plain words. */
export function layOut(paragraphs: readonly string[], name: string | null, language: Language = 'en'): { text: string; html: string } {
  const all = [GREETING[language](name), ...paragraphs, SIGNATURE[language]];
  return { text: `${all.join('\n\n')}\n`, html: page(all, language) };
}

/** A person's own answer: no greeting of ours around it, and its line breaks kept. */
export function layOutReply(text: string, language: Language = 'en'): { text: string; html: string } {
  return { text, html: page(text.split(/\n{2,}/), language) };
}

function page(paragraphs: readonly string[], language: Language): string {
  const body = paragraphs.map((paragraph) => `<p>${escapeHtml(paragraph).replaceAll('\n', '<br>')}</p>`).join('\n');
  return `<!doctype html>
<html lang="${language}" dir="${DIRECTION[language]}">
<body style="font-family: sans-serif; max-width: 36em">
${body}
</body>
</html>
`;
}
