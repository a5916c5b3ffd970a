import type { HclSource } from './source.ts';

const NUMBER = /-?(?:0[xX][0-9a-fA-F]*|\d+(?:\.\d*)?(?:[eE][+-]?\d*)?)|\.\d+[eE]?/y;
const MIN_INT64 = -(2n ** 63n);
const MAX_INT64 = 2n ** 63n - 1n;

/** A number's value, how it is written and the offset behind it. */
export interface NumberLiteral {
  readonly value: number;
  readonly text: string;
  readonly end: number;
}

/**
 * The number at `start`, if one begins there: decimal, `0x1f`, octal `017`, fractions and exponents. Whatever stands
 * directly behind it is the next token, as in HCL 1 (hashicorp/hcl:hcl/scanner/scanner.go scanNumber, token.go Value).
 * Whole numbers are 64 bit there; beyond 2^53 the nearest double is taken.
 */
export function readNumber(source: HclSource, start: number): NumberLiteral | undefined {
  NUMBER.lastIndex = start;
  const text = NUMBER.exec(source.text)?.[0];
  if (text === undefined) return undefined;
  return { value: numberValue(source, start, text), text, end: start + text.length };
}

function numberValue(source: HclSource, start: number, text: string): number {
  const negative = text.startsWith('-');
  const digits = negative ? text.slice(1) : text;
  if (!/^0[xX]|^\d+$/.test(digits)) {
    const value = Number(text);
    if (Number.isNaN(value)) throw source.error(start, 'this is not a number; put quotes around a string');
    if (!Number.isFinite(value)) throw source.error(start, 'this number is too large');
    return value;
  }
  const octal = /^0\d+$/.test(digits);
  if (octal && /[89]/.test(digits))
    throw source.error(start, 'a number that starts with 0 is octal: only the digits 0 to 7');
  if (/^0[xX]$/.test(digits)) throw source.error(start, 'digits are missing after 0x');
  const magnitude = digits.length > 40 ? MAX_INT64 + 2n : BigInt(octal ? `0o${digits.slice(1)}` : digits);
  const value = negative ? -magnitude : magnitude;
  if (value < MIN_INT64 || value > MAX_INT64) throw source.error(start, 'this number is too large');
  return Number(value);
}
