/**
 * Makes a stranger's HTML harmless (IN-03). Nothing of the input is passed on as it is: the text is escaped, and tags are written anew from a short list
 * with hardly any attributes. What is not understood becomes text. So there is nothing in the output that this file did not write.
 */

const FORMATTING = [
  'p',
  'div',
  'span',
  'b',
  'strong',
  'i',
  'em',
  'u',
  's',
  'small',
  'sub',
  'sup',
  'blockquote',
  'pre',
  'code',
  'ul',
  'ol',
  'li',
  'h1',
  'h2',
  'h3',
  'h4',
  'h5',
  'h6',
];
const TABLES = ['table', 'thead', 'tbody', 'tfoot', 'tr', 'td', 'th', 'caption'];
const ALLOWED = new Set([...FORMATTING, ...TABLES, 'a', 'br', 'hr']);
const VOID = new Set(['br', 'hr']);
/** Tags that go together with everything in them. */
const DROPPED = new Set([
  ...['script', 'style', 'title', 'head', 'iframe', 'frameset', 'object', 'applet', 'svg', 'math', 'template', 'noscript', 'noembed', 'noframes'],
  ...['textarea', 'select', 'button', 'xmp', 'plaintext', 'audio', 'video', 'canvas'],
]);
/** These begin a new line where HTML is read as plain text. */
const BREAKS = new Set(['p', 'div', 'br', 'hr', 'li', 'tr', 'blockquote', 'pre', 'table', 'ul', 'ol', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6']);

const MAX_DEPTH = 100;
const MAX_INPUT = 500_000;

export function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;');
}

const NAMED: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

/** Decodes numeric references and the six most usual names; any other name stays as it is written, and is then escaped like text. */
function decode(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([0-9a-f]{1,6})|([a-z]{2,4}));?/gi, (whole, decimal?: string, hex?: string, name?: string) => {
    if (name) return NAMED[name.toLowerCase()] ?? whole;
    const code = decimal ? Number.parseInt(decimal, 10) : Number.parseInt(hex ?? '', 16);
    return code > 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : '';
  });
}

type Token = { text: string } | { tag: string; closing: boolean; attributes: string };

/** A tag: its name and, with quoted values taken whole, the rest up to the `>`. Sticky, so that each position is looked at once. */
const TAG = /<(\/?)([a-z][a-z0-9]*)\b((?:[^<>"']|"[^"<]*"|'[^'<]*')*)>/iy;

/** Where a comment (a conditional one too), a doctype or a processing instruction ends, if one begins here: they say nothing to a reader. */
function endOfRemark(input: string, at: number): number | null {
  if (!input.startsWith('<!', at) && !input.startsWith('<?', at)) return null;
  const end = input.startsWith('<!--', at) ? '-->' : '>';
  const close = input.indexOf(end, at + 2);
  return close < 0 ? input.length : close + end.length;
}

function* tokensOf(html: string): Generator<Token> {
  const input = html.slice(0, MAX_INPUT);
  let at = 0;
  while (at < input.length) {
    const next = input.indexOf('<', at);
    if (next !== at) {
      yield { text: input.slice(at, next < 0 ? input.length : next) };
      if (next < 0) return;
      at = next;
    }
    const after = endOfRemark(input, at);
    if (after !== null) {
      at = after;
      continue;
    }
    TAG.lastIndex = at;
    const match = TAG.exec(input);
    if (match) {
      yield { tag: (match[2] ?? '').toLowerCase(), closing: match[1] === '/', attributes: match[3] ?? '' };
      at = TAG.lastIndex;
    } else {
      yield { text: '<' };
      at += 1;
    }
  }
}

/** The tokens without what is inside of dropped tags. One that is never closed drops all that follows, as browsers read it. */
function* visibleTokens(html: string): Generator<Token> {
  let dropping: string | null = null;
  for (const token of tokensOf(html)) {
    if (dropping !== null) {
      if ('tag' in token && token.closing && token.tag === dropping) dropping = null;
    } else if ('tag' in token && DROPPED.has(token.tag)) {
      if (!token.closing) dropping = token.tag;
    } else {
      yield token;
    }
  }
}

function attribute(attributes: string, name: string): string | null {
  const match = new RegExp(`(?:^|[\\s/"'])${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)'|([^\\s"'>]+))`, 'i').exec(attributes);
  return match ? decode(match[1] ?? match[2] ?? match[3] ?? '') : null;
}

/** Only addresses that plainly say http, https or mailto. Browsers skip white space and control characters in a scheme, so these are taken out first. */
function safeUrl(url: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const plain = url.replace(/[\u0000-\u0020\u007f-\u009f]/g, '');
  return /^(https?:\/\/|mailto:)/i.test(plain) ? plain : null;
}

function attributesFor(tag: string, attributes: string): string {
  if (tag === 'a') {
    const url = safeUrl(attribute(attributes, 'href') ?? '');
    return url ? ` href="${escapeHtml(url)}" rel="noopener noreferrer nofollow" target="_blank"` : '';
  }
  if (tag === 'td' || tag === 'th') {
    const span = (name: string) => {
      const value = attribute(attributes, name);
      return value && /^[1-9]\d?$/.test(value) ? ` ${name}="${value}"` : '';
    };
    return span('colspan') + span('rowspan');
  }
  return '';
}

/** HTML that is safe to show inside a page: every tag that is opened is closed, and only links, tables and formatting are left. */
export function sanitiseHtml(html: string): string {
  const open: string[] = [];
  let output = '';
  for (const token of visibleTokens(html)) {
    if ('text' in token) output += escapeHtml(decode(token.text));
    // A tag that is not allowed goes, and its words stay.
    else if (ALLOWED.has(token.tag)) output += token.closing ? closeTag(open, token.tag) : openTag(open, token.tag, token.attributes);
  }
  return (
    output +
    open
      .reverse()
      .map((tag) => `</${tag}>`)
      .join('')
  );
}

/** Writes an allowed tag and remembers that it has to be closed. */
function openTag(open: string[], tag: string, attributes: string): string {
  if (VOID.has(tag)) return `<${tag}>`;
  if (open.length >= MAX_DEPTH) return '';
  open.push(tag);
  return `<${tag}${attributesFor(tag, attributes)}>`;
}

/** Closes a tag with all that was opened inside of it; one that is not open stays unsaid. */
function closeTag(open: string[], tag: string): string {
  const from = open.lastIndexOf(tag);
  if (from < 0) return '';
  return open
    .splice(from)
    .reverse()
    .map((inner) => `</${inner}>`)
    .join('');
}

/** The words of an HTML mail that brought no plain text. */
export function textOf(html: string): string {
  let output = '';
  for (const token of visibleTokens(html)) {
    if ('text' in token) output += decode(token.text).replace(/\s+/g, ' ');
    else if (BREAKS.has(token.tag)) output += '\n';
    else if (token.tag === 'td' || token.tag === 'th') output += ' ';
  }
  return output
    .replace(/ *\n */g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
