export type Value = string | number | boolean;

const VERB = /%([-+# 0]*)(\d*)(?:\.(\d*))?([^])?/gu;
const MAX_WIDTH = 1000;

interface Verb {
  readonly letter: string;
  readonly flags: string;
  readonly width: number;
  /** Undefined when there is no point; a point alone is 0. */
  readonly precision: number | undefined;
}

/**
 * Go's fmt.Sprintf for strings, whole numbers and booleans: verbs %s %v %q %d %x %X %o %b %c %t %%, flags, width and
 * precision (golang/go:src/fmt/format.go). Where Go would print `%!d(string=x)`, `%!s(MISSING)` or `%!(EXTRA …)` into the
 * result, this throws; so it does for Go syntax (`%#v`, `%#q`, `%+q`).
 *
 * @throws Error whose message says which verb and why
 */
export function sprintf(format: string, values: readonly Value[]): string {
  let next = 0;
  const text = format.replace(
    VERB,
    (whole: string, flags: string, width: string, precision?: string, letter?: string) => {
      if (letter === undefined) throw new Error('the format ends inside a verb; write %% for a percent sign');
      if (letter === '%') return '%';
      if (Number(width) > MAX_WIDTH || Number(precision ?? 0) > MAX_WIDTH)
        throw new Error(`${whole} is wider than ${MAX_WIDTH}`);
      const value = values[next++];
      if (value === undefined) throw new Error(`there is no argument for ${whole}`);
      const verb = {
        letter,
        flags,
        width: Number(width),
        precision: precision === undefined ? undefined : Number(precision),
      };
      const formatted = formatVerb(verb, value);
      if (formatted === undefined) throw new Error(`${whole} does not take a ${typeof value}`);
      return formatted;
    },
  );
  if (next < values.length) throw new Error(`${values.length} arguments for ${next} verbs`);
  return text;
}

/** Undefined when the verb does not go with the value. */
function formatVerb(verb: Verb, value: Value): string | undefined {
  const { letter, flags } = verb;
  if ((letter === 'v' && flags.includes('#')) || (letter === 'q' && /[#+]/.test(flags))) return undefined;
  if (typeof value === 'boolean') return letter === 't' || letter === 'v' ? pad(String(value), verb) : undefined;
  const text = typeof value === 'string' ? formatString(verb, value) : formatInteger(verb, value);
  // With zeros and width a number is already as wide as it must be, and a precision turns the zeros off.
  return text === undefined
    ? undefined
    : pad(text, verb, typeof value === 'number' && letter !== 'c' ? ' ' : undefined);
}

function pad(text: string, { flags, width }: Verb, filler = flags.includes('0') ? '0' : ' '): string {
  const missing = Math.max(0, width - [...text].length);
  return flags.includes('-') ? text + ' '.repeat(missing) : filler.repeat(missing) + text;
}

function formatString({ letter, flags, precision }: Verb, value: string): string | undefined {
  const cut = precision === undefined ? value : [...value].slice(0, precision).join('');
  switch (letter) {
    case 's':
    case 'v':
      return cut;
    case 'q':
      return quote(cut);
    case 'x':
    case 'X': {
      const pairs = [...Buffer.from(value, 'utf8').subarray(0, precision)].map((byte) =>
        byte.toString(16).padStart(2, '0'),
      );
      const prefix = flags.includes('#') && pairs.length > 0 ? '0x' : '';
      const hex = flags.includes(' ') ? pairs.map((pair) => prefix + pair).join(' ') : prefix + pairs.join('');
      return letter === 'X' ? hex.toUpperCase() : hex;
    }
    default:
      return undefined;
  }
}

const NAMED_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** Go's strconv.Quote. */
function quote(text: string): string {
  const escaped = text.replace(/["\\]|[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    const hex = code.toString(16);
    if (code < 0x80) return NAMED_ESCAPES[character] ?? `\\x${hex.padStart(2, '0')}`;
    return code <= 0xffff ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
  });
  return `"${escaped}"`;
}

const BASES: Readonly<Record<string, readonly [base: number, prefix: string]>> = {
  d: [10, ''],
  v: [10, ''],
  x: [16, '0x'],
  X: [16, '0X'],
  o: [8, '0'],
  b: [2, '0b'],
};

function formatInteger({ letter, flags, width, precision }: Verb, value: number): string | undefined {
  if (letter === 'c') return value >= 0 && value <= 0x10ffff ? String.fromCodePoint(value) : '\ufffd';
  const [base, prefix] = BASES[letter] ?? [undefined, ''];
  if (base === undefined) return undefined;
  if (precision === 0 && value === 0) return '';
  const sign = signOf(letter, flags, value);
  const zeros = flags.includes('0') && !flags.includes('-') ? width - sign.length : 0;
  const digits = Math.abs(value)
    .toString(base)
    .padStart(precision ?? zeros, '0');
  const shownPrefix = flags.includes('#') && !(letter === 'o' && digits.startsWith('0')) ? prefix : '';
  return sign + shownPrefix + (letter === 'X' ? digits.toUpperCase() : digits);
}

function signOf(letter: string, flags: string, value: number): string {
  if (value < 0) return '-';
  if (flags.includes('+') && letter !== 'v') return '+';
  return flags.includes(' ') ? ' ' : '';
}
