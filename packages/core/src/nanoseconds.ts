const SECOND = 1_000_000_000n;
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1000n],
  ['µs', 1000n],
  ['μs', 1000n],
  ['ms', 1_000_000n],
  ['s', SECOND],
  ['m', 60n * SECOND],
  ['h', 3600n * SECOND],
]);
const PART = /(\d*)(?:\.(\d*))?(ns|us|µs|μs|ms|s|m|h)/y;
const MAX = 2n ** 63n - 1n;
/** Longer than any duration that fits, so that nothing long is worked on. */
const MAX_LENGTH = 100;

/**
 * A duration to the nanosecond, as Vault's `parseutil.ParseDurationSecond` reads it: seconds as a number or digits, whole
 * days (`7d`), or Go's `1h30m`, `1.5s`, `-1s`. `undefined` for anything else and for what 64 bits do not hold.
 */
export function parseNanoseconds(value: string | number): bigint | undefined {
  if (typeof value === 'number') return bounded(BigInt(Math.trunc(value)) * SECOND);
  if (value === '') return 0n;
  if (value.length > MAX_LENGTH) return undefined;
  if (/^[+-]?\d+$/.test(value)) return bounded(integer(value) * SECOND);
  if (value.endsWith('d'))
    return /^[+-]?\d+d$/.test(value) ? bounded(integer(value.slice(0, -1)) * 86_400n * SECOND) : undefined;
  const amount = parseUnits(value.replace(/^[+-]/, ''));
  return amount === undefined ? undefined : bounded(value.startsWith('-') ? -amount : amount);
}

function integer(text: string): bigint {
  return BigInt(text.replace(/^\+/, ''));
}

function bounded(amount: bigint): bigint | undefined {
  return amount >= -MAX - 1n && amount <= MAX ? amount : undefined;
}

function parseUnits(text: string): bigint | undefined {
  let total = 0n;
  let at = 0;
  do {
    PART.lastIndex = at;
    const [whole, digits = '', fraction = '', unit = ''] = PART.exec(text) ?? [];
    if (whole === undefined || digits + fraction === '') return undefined;
    const size = UNITS.get(unit) ?? 0n;
    total +=
      BigInt(digits === '' ? 0 : digits) * size +
      (BigInt(fraction === '' ? 0 : fraction) * size) / 10n ** BigInt(fraction.length);
    at += whole.length;
  } while (at < text.length);
  return total;
}
