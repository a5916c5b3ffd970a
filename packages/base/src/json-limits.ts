import { CofferError } from './error.ts';
import { parseExactJson } from './exact-json.ts';

/**
 * How much a caller's JSON may hold. Strings and memory as in OpenBao (openbao/openbao:website, listener "tcp",
 * `max_request_json_strings` and `max_request_json_memory`); the rest is far beyond any request of Vault's API.
 */
export const JSON_LIMITS = {
  /** Nested lists and objects: anything deeper could exhaust the stack of code that walks it. */
  depth: 100,
  /** Strings, including field names. */
  strings: 1000,
  /** Lists, objects, strings, numbers, `true`, `false` and `null`. */
  values: 10_000,
  /** Bytes of a field's name. */
  nameBytes: 1024,
  /** Digits of a number. */
  numberBytes: 100,
  /** Estimated bytes of the parsed value. */
  memoryBytes: 32.5 * 1024 * 1024,
} as const;

/** Those that one reader may set for itself. Depth: no more than {@link JSON_LIMITS} has. */
export interface OwnJsonLimits {
  readonly depth?: number;
  readonly strings?: number;
  readonly memoryBytes?: number;
  /** Bytes of one string. Default: no limit but those of all. */
  readonly stringBytes?: number;
}

/** Bytes that V8 needs for each, without its content, with room to spare. */
const CONTAINER_BYTES = 96;
const STRING_BYTES = 40;
const SCALAR_BYTES = 24;

/** More, for a number that is kept as text. */
const EXACT_BYTES = 72;
/** Digits of a number that JavaScript surely has exactly. */
const SHORT_NUMBER = 15;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const [COMMA, COLON] = [0x2c, 0x3a];
const [MINUS, DOT, SMALL_E, BIG_E] = [0x2d, 0x2e, 0x65, 0x45];
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/**
 * Estimates the bytes that a JSON text will take once it is parsed, in one pass over it that ends at the first excess.
 * It does not check whether the text is JSON.
 *
 * @throws CofferError `invalid-request` naming the limit that is exceeded; the message never repeats the text
 */
export function measureJson(json: Uint8Array, own: OwnJsonLimits = {}): number {
  const limits = limitsOf(own);
  const found = { depth: 0, strings: 0, values: 0, memory: 0, lastString: 0 };
  for (let at = 0; at < json.length; ) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) at = passString(json, at, found, limits);
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      if (++found.depth > limits.depth) throw tooMuch(`${limits.depth} levels of nesting`);
      found.values++;
      found.memory += CONTAINER_BYTES;
      at++;
    } else if (isLiteral(byte)) at = passLiteral(json, at, found);
    else {
      if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) found.depth--;
      else if (byte === COLON && found.lastString > JSON_LIMITS.nameBytes) {
        throw tooMuch(`${JSON_LIMITS.nameBytes} bytes in the name of a field`);
      }
      at++;
    }
    if (found.values > JSON_LIMITS.values) throw tooMuch(`${JSON_LIMITS.values} values`);
    if (found.memory > limits.memoryBytes) throw tooMuch(`${limits.memoryBytes} bytes in memory`);
  }
  return found.memory;
}

/** {@link parseExactJson} for a text that a caller sent inside a string. @throws CofferError as {@link measureJson}, SyntaxError */
export function parseBoundedJson(text: string): unknown {
  measureJson(new TextEncoder().encode(text));
  return parseExactJson(text);
}

interface Found {
  depth: number;
  strings: number;
  values: number;
  memory: number;
  /** Bytes of the last string: a colon makes it the name of a field. */
  lastString: number;
}

function limitsOf(own: OwnJsonLimits): Required<OwnJsonLimits> {
  const { depth, strings, memoryBytes } = JSON_LIMITS;
  const limits = { depth, strings, memoryBytes, stringBytes: Number.POSITIVE_INFINITY, ...own };
  return { ...limits, depth: Math.min(limits.depth, depth) };
}

function passString(json: Uint8Array, start: number, found: Found, limits: Required<OwnJsonLimits>): number {
  if (++found.strings > limits.strings) throw tooMuch(`${limits.strings} strings`);
  found.values++;
  let wide = false;
  let at = start + 1;
  for (; at < json.length; at++) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) break;
    if (byte === BACKSLASH) {
      at++;
      wide = true;
    } else if (byte > 0x7f) wide = true;
  }
  found.lastString = at - start - 1;
  if (found.lastString > limits.stringBytes) throw tooMuch(`${limits.stringBytes} bytes in a string`);
  // One character beyond Latin-1, and V8 keeps the whole string with two bytes for each.
  found.memory += STRING_BYTES + found.lastString * (wide ? 2 : 1);
  return at + 1;
}

function passLiteral(json: Uint8Array, start: number, found: Found): number {
  let at = start + 1;
  // A number whose text is kept, see ExactNumber: an object and a string.
  let kept = json[start] === MINUS;
  for (; at < json.length && isLiteral(json[at] ?? 0); at++)
    kept ||= json[at] === DOT || json[at] === SMALL_E || json[at] === BIG_E;
  kept ||= at - start > SHORT_NUMBER;
  if (at - start > JSON_LIMITS.numberBytes) throw tooMuch(`${JSON_LIMITS.numberBytes} characters in a number`);
  found.values++;
  found.memory += SCALAR_BYTES + (kept ? EXACT_BYTES + (at - start) : 0);
  return at;
}

/** A byte of a number or a word: neither white space nor punctuation. */
function isLiteral(byte: number): boolean {
  return (
    byte > 0x20 &&
    byte !== QUOTE &&
    byte !== COMMA &&
    byte !== COLON &&
    byte !== OPEN_LIST &&
    byte !== CLOSE_LIST &&
    byte !== OPEN_OBJECT &&
    byte !== CLOSE_OBJECT
  );
}

function tooMuch(what: string): CofferError {
  return new CofferError('invalid-request', `failed to parse JSON input: more than ${what}`);
}
