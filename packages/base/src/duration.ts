import { CofferError } from './error.ts';

/** Nanoseconds in one of each unit of Go's time.ParseDuration. Both characters for micro are in use. */
const UNITS: ReadonlyMap<string, number> = new Map([
  ['ns', 1],
  ['us', 1e3],
  ['\u00b5s', 1e3],
  ['\u03bcs', 1e3],
  ['ms', 1e6],
  ['s', 1e9],
  ['m', 60e9],
  ['h', 3600e9],
]);
const NANOSECONDS = 1_000_000_000n;
/** Go's longest: 63 bits of nanoseconds, some 292 years. */
const LONGEST = 2n ** 63n - 1n;
const WHOLE_NUMBER = /^[+-]?\d+$/;
const PART = /(\d*)(?:\.(\d*))?([^.\d]+)/y;
/** Characters. No duration is longer: one with every unit and all digits has about a hundred. */
const LONGEST_TEXT = 1_000;

/**
 * Parses a duration in any form that Vault accepts: a number of seconds (JSON number or string), whole days (`7d`), or Go's
 * `1h30m` (hashicorp/go-secure-stdlib:parseutil/parseutil.go ParseDurationSecond). Returns seconds; fractions of a
 * second are dropped, as Vault's TypeDurationSecond does. Empty is 0.
 *
 * @throws CofferError `invalid-request` naming `field` when it is none of these, negative, or longer than 2^63 ns
 */
export function parseDuration(value: string | number, field: string): number {
  const seconds = secondsOf(String(value));
  if (seconds === undefined) {
    throw new CofferError(
      'invalid-request',
      `field "${field}": ${shown(value)} is not a duration; use seconds or a form like "90m", "1h30m", "7d"`,
    );
  }
  if (seconds < 0) {
    throw new CofferError('invalid-request', `field "${field}": a duration must not be negative, got ${shown(value)}`);
  }
  return seconds;
}

function shown(value: string | number): string {
  const text = JSON.stringify(value);
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}

function secondsOf(text: string): number | undefined {
  const nanoseconds = parseNanoseconds(text);
  if (nanoseconds === undefined) return undefined;
  // Seconds() of Go is a double, and Vault makes an integer of that.
  return Math.trunc(Number(nanoseconds / NANOSECONDS) + Number(nanoseconds % NANOSECONDS) / 1e9) + 0;
}

/** The forms of {@link parseDuration} to the nanosecond, negative ones too; undefined for what is none of them. */
export function parseNanoseconds(text: string): bigint | undefined {
  if (text === '') return 0n;
  if (text.length > LONGEST_TEXT) return undefined;
  const days = text.endsWith('d');
  const number = days ? text.slice(0, -1) : text;
  if (!WHOLE_NUMBER.test(number)) return days ? undefined : parseUnits(text);
  const nanoseconds = BigInt(number.replace('+', '')) * (days ? 86_400n : 1n) * NANOSECONDS;
  return inRange(nanoseconds) ? nanoseconds : undefined;
}

function inRange(nanoseconds: bigint): boolean {
  return -LONGEST - 1n <= nanoseconds && nanoseconds <= LONGEST;
}

/** Go's time.ParseDuration; undefined for what it refuses. */
function parseUnits(text: string): bigint | undefined {
  const negative = text.startsWith('-');
  let total = 0n;
  let at = negative || text.startsWith('+') ? 1 : 0;
  if (at === text.length) return undefined;
  while (at < text.length) {
    PART.lastIndex = at;
    const [part = '', whole = '', fraction = '', name = ''] = PART.exec(text) ?? [];
    const unit = UNITS.get(name);
    if (unit === undefined || whole + fraction === '') return undefined;
    total += BigInt(whole) * BigInt(unit) + fractionOf(fraction, unit);
    if (total > LONGEST + 1n) return undefined;
    at += part.length;
  }
  const signed = negative ? -total : total;
  return inRange(signed) ? signed : undefined;
}

/** Digits that 63 bits do not hold are dropped, and the rest is a double, as in Go. */
function fractionOf(digits: string, unit: number): bigint {
  let [value, scale] = [0n, 1];
  for (const digit of digits) {
    const next = value * 10n + BigInt(digit);
    if (value > LONGEST / 10n || next > LONGEST + 1n) break;
    [value, scale] = [next, scale * 10];
  }
  return BigInt(Math.trunc(Number(value) * (unit / scale)));
}

/** Go's `Duration.String()` for whole seconds: `1h0m0s`, `1m30s`, `0s`. */
export function formatGoDuration(seconds: number): string {
  const total = Math.max(0, Math.floor(seconds));
  const h = Math.floor(total / 3600);
  const m = Math.floor((total % 3600) / 60);
  const s = total % 60;
  if (h > 0) return `${h}h${m}m${s}s`;
  if (m > 0) return `${m}m${s}s`;
  return `${s}s`;
}

/**
 * Vault's shortened form for people: `1h`, `23h59m59s`, `10m`, `1h1s`, `0s` (hashicorp/vault:command/format.go
 * humanDuration: a trailing `0s` and a `0m` behind the hours go).
 */
export function formatDuration(seconds: number): string {
  const whole = formatGoDuration(Math.abs(seconds)).replace(/m0s$/, 'm').replace('h0m', 'h');
  return seconds < 0 ? `-${whole}` : whole;
}
