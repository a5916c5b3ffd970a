import { CofferError } from './error.ts';

/** Seconds in one of each unit that Vault takes (Go's time.ParseDuration, and `d` as HashiCorp's parseutil adds). */
const UNIT_SECONDS = { ns: 1e-9, us: 1e-6, µs: 1e-6, μs: 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600, d: 86400 } as const;
const WHOLE = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|μs|ms|s|m|h|d))+$/;
const PART = /(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|μs|ms|s|m|h|d)/g;

/**
 * Parses a duration in any form that Vault takes: a number of seconds (JSON number or string), or Go's `1h30m`.
 * Returns seconds, rounded down to a whole second as Vault's TypeDurationSecond does.
 *
 * @throws CofferError `invalid-request` naming `field` when it is none of these, negative, or beyond 2^53
 */
export function parseDuration(value: string | number, field: string): number {
  const text = String(value).trim();
  const seconds = /^[+-]?\d+$/.test(text) ? Number(text) : parseUnits(text);
  if (seconds === undefined || !Number.isFinite(seconds)) {
    throw new CofferError(
      'invalid-request',
      `field "${field}": ${JSON.stringify(value)} is not a duration; use seconds or a form like "90m", "1h30m", "7d"`,
    );
  }
  if (seconds < 0) {
    throw new CofferError(
      'invalid-request',
      `field "${field}": a duration must not be negative, got ${JSON.stringify(value)}`,
    );
  }
  if (seconds > Number.MAX_SAFE_INTEGER / 1e6) {
    throw new CofferError('invalid-request', `field "${field}": ${JSON.stringify(value)} is too long`);
  }
  return Math.floor(seconds);
}

function parseUnits(text: string): number | undefined {
  if (!WHOLE.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(PART)) {
    seconds += Number(amount) * UNIT_SECONDS[unit as keyof typeof UNIT_SECONDS];
  }
  return text.startsWith('-') ? -seconds : seconds;
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
