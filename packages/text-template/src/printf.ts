import { fitting } from './size.ts';
import { isPrintable } from './unicode.ts';

/** Whole numbers are Go's int of 64 bits. */
export type Value = string | bigint | boolean;

const VERB = /%([-+# 0]*)(\d*)(?:\.(\d*))?([^])?/gu;
const MAX_WIDTH = 1000;
const MAX_RUNE = 0x10ffffn;
const REPLACEMENT = '\ufffd';

interface Verb {
  readonly letter: string;
  readonly flags: string;
  readonly width: number;
  /** Undefined when there is no point; a point alone is 0. */
  readonly precision: number | undefined;
}

/**
 * Go's fmt.Sprintf for strings, whole numbers and booleans: verbs %s %v %q %d %x %X %o %O %b %c %U %t %T %%, flags, width
 * and precision (golang/go:src/fmt/format.go, print.go). Where Go would print `%!d(string=x)`, `%!s(MISSING)` or
 * `%!(EXTRA …)` into the result, this throws.
 *
 * @throws Error whose message says which verb and why
 */
export function sprintf(format: string, values: readonly Value[]): string {
  let next = 0;
  let length = format.length;
  const text = format.replace(
    VERB,
    (whole: string, flags: string, width: string, precision?: string, letter?: string) => {
      if (letter === undefined) throw new Error('the format ends inside a verb; write %% for a percent sign');
      if (letter === '%') return '%';
      if (Number(width) > MAX_WIDTH || Number(precision ?? 0) > MAX_WIDTH)
        throw new Error(`${whole.slice(0, 20)} is wider than ${MAX_WIDTH}`);
      const value = values[next++];
      if (value === undefined) throw new Error(`there is no argument for ${whole.slice(0, 20)}`);
      const verb = {
        letter,
        flags,
        width: Number(width),
        precision: precision === undefined ? undefined : Number(precision),
      };
      const formatted = formatVerb(verb, value);
      if (formatted === undefined) throw new Error(`${whole.slice(0, 20)} does not take a ${kindOf(value)}`);
      fitting((length += formatted.length));
      return formatted;
    },
  );
  if (next < values.length) throw new Error(`${values.length} arguments for ${next} verbs`);
  return text;
}

/** The name of a kind of value in messages. */
export function kindOf(value: unknown): string {
  return typeof value === 'bigint' ? 'number' : typeof value;
}

/** Undefined when the verb does not go with the value. */
function formatVerb(verb: Verb, value: Value): string | undefined {
  if (verb.letter === 'T') return padText({ ...verb, letter: 's' }, GO_TYPES[typeof value as 'string']);
  if (typeof value === 'string') return formatString(verb, value);
  if (typeof value === 'bigint') return formatInteger(verb, value);
  return verb.letter === 't' || verb.letter === 'v' ? pad(String(value), verb) : undefined;
}

const GO_TYPES = { string: 'string', bigint: 'int', boolean: 'bool' } as const;

function pad(text: string, { flags, width }: Verb, filler = flags.includes('0') ? '0' : ' '): string {
  const missing = Math.max(0, width - [...text].length);
  return flags.includes('-') ? text + ' '.repeat(missing) : filler.repeat(missing) + text;
}

function padText(verb: Verb, text: string): string {
  return pad(verb.precision === undefined ? text : [...text].slice(0, verb.precision).join(''), verb);
}

function formatString(verb: Verb, value: string): string | undefined {
  const { letter, flags, precision } = verb;
  switch (letter) {
    case 's':
      return padText(verb, value);
    case 'v':
      return flags.includes('#')
        ? formatString({ ...verb, letter: 'q', flags: flags.replace(/[#+]/g, '') }, value)
        : padText(verb, value);
    case 'q': {
      const cut = precision === undefined ? value : [...value].slice(0, precision).join('');
      const raw = flags.includes('#') && canBeRaw(cut);
      return pad(raw ? `\`${cut}\`` : quote(cut, '"', flags.includes('+')), verb);
    }
    case 'x':
    case 'X':
      return pad(hexOf(verb, value), verb);
    default:
      return undefined;
  }
}

function hexOf({ letter, flags, precision }: Verb, value: string): string {
  const pairs = [...Buffer.from(value, 'utf8').subarray(0, precision)].map((byte) =>
    byte.toString(16).padStart(2, '0'),
  );
  const prefix = flags.includes('#') && pairs.length > 0 ? '0x' : '';
  const hex = flags.includes(' ') ? pairs.map((pair) => prefix + pair).join(' ') : prefix + pairs.join('');
  return letter === 'X' ? hex.toUpperCase() : hex;
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  "'": "\\'",
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** Go's strconv.Quote and QuoteRune, or with `ascii` QuoteToASCII and its like. */
function quote(text: string, mark: '"' | "'", ascii: boolean): string {
  return mark + Array.from(text, (character) => escape(character, mark, ascii)).join('') + mark;
}

function escape(character: string, mark: string, ascii: boolean): string {
  if (character === mark || character === '\\') return NAMED_ESCAPES[character] ?? character;
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80 ? isPrintable(character) : !ascii && isPrintable(character)) return character;
  const hex = code.toString(16);
  if (code < 0x80) return NAMED_ESCAPES[character] ?? `\\x${hex.padStart(2, '0')}`;
  return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}

/** Go's strconv.CanBackquote: no control characters but the tab, no backquote, no byte order mark. */
function canBeRaw(text: string): boolean {
  return Array.from(text).every(
    (character) => character === '\t' || (character >= ' ' && character !== '`' && !'\x7f\ufeff'.includes(character)),
  );
}

const BASES: Readonly<Record<string, readonly [base: number, prefix: string]>> = {
  d: [10, ''],
  v: [10, ''],
  x: [16, '0x'],
  X: [16, '0X'],
  o: [8, '0'],
  O: [8, '0'],
  b: [2, '0b'],
};

function formatInteger(verb: Verb, value: bigint): string | undefined {
  switch (verb.letter) {
    case 'c':
      return pad(runeOf(value), verb);
    case 'q':
      return pad(quote(runeOf(value), "'", verb.flags.includes('+')), verb);
    case 'U':
      return pad(formatUnicode(verb, value), verb, ' ');
    default: {
      const digits = formatDigits(verb, value);
      // With zeros and width a number is already as wide as it must be, and a precision turns the zeros off.
      return digits === undefined ? undefined : pad(digits, verb, ' ');
    }
  }
}

function runeOf(value: bigint): string {
  const valid = value >= 0n && value <= MAX_RUNE && !(value >= 0xd800n && value <= 0xdfffn);
  return valid ? String.fromCodePoint(Number(value)) : REPLACEMENT;
}

function formatUnicode({ flags, precision = 0 }: Verb, value: bigint): string {
  const digits = BigInt.asUintN(64, value).toString(16).toUpperCase().padStart(Math.max(4, precision), '0');
  const shown = flags.includes('#') && value >= 0n && value <= MAX_RUNE && isPrintable(runeOf(value));
  return `U+${digits}${shown ? ` '${runeOf(value)}'` : ''}`;
}

function formatDigits({ letter, flags, width, precision }: Verb, value: bigint): string | undefined {
  const [base, prefix] = BASES[letter] ?? [undefined, ''];
  if (base === undefined) return undefined;
  if (precision === 0 && value === 0n) return '';
  const sign = signOf(letter, flags, value);
  const zeros = flags.includes('0') && !flags.includes('-') ? width - sign.length : 0;
  const digits = (value < 0n ? -value : value).toString(base).padStart(precision ?? zeros, '0');
  const sharp = flags.includes('#') && letter !== 'v' && !(base === 8 && digits.startsWith('0'));
  const shownPrefix = (letter === 'O' ? '0o' : '') + (sharp ? prefix : '');
  return sign + shownPrefix + (letter === 'X' ? digits.toUpperCase() : digits);
}

function signOf(letter: string, flags: string, value: bigint): string {
  if (value < 0n) return '-';
  if (flags.includes('+') && letter !== 'v') return '+';
  return flags.includes(' ') ? ' ' : '';
}
