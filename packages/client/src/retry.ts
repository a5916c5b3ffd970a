import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { isCertificateError } from './connection-error.ts';

/** How long an exchange may take: the signal ends it at `endsAt`, in milliseconds of `performance.now()`. */
export interface Deadline {
  readonly signal: AbortSignal;
  readonly endsAt: number;
}

export function deadlineIn(ms: number): Deadline {
  return { signal: AbortSignal.timeout(ms), endsAt: performance.now() + ms };
}

/** Between which the first pause lies, in milliseconds (vault:api/client.go DefaultConfig). */
const PAUSE_MS = { least: 1000, most: 1500 };

/**
 * Begins an exchange, and again up to `retries` times where Vault's client does (vault:api/client.go DefaultRetryPolicy): when there was
 * no answer, unless the certificate was the reason, and for 412, 429 and 5xx other than 501. An answer that has begun is not asked for again.
 *
 * Where Vault waits until its time is over and then only says so, the answer of before is returned at once.
 */
export async function beginWithRetries(
  begin: () => Promise<IncomingMessage>,
  retries: number,
  deadline: Deadline,
): Promise<IncomingMessage> {
  for (let failures = 1; ; failures++) {
    const attempt = await begin().then(
      (message) => ({ message, error: undefined, pauseMs: pauseAfter(message, failures) }),
      (error: unknown) => ({
        message: undefined,
        error,
        pauseMs: isCertificateError(error) ? undefined : linearPause(failures),
      }),
    );
    const { message, error, pauseMs } = attempt;
    const isOver = pauseMs === undefined || failures > retries || performance.now() + pauseMs >= deadline.endsAt;
    if (isOver && message !== undefined) return message;
    if (isOver) throw error;
    message?.destroy();
    await delay(pauseMs, undefined, { signal: deadline.signal });
  }
}

/** Milliseconds until this answer should be asked for again; undefined for one that would be the same. */
function pauseAfter({ statusCode = 0, headers }: IncomingMessage, failures: number): number | undefined {
  const isTemporary = [412, 429].includes(statusCode) || (statusCode >= 500 && statusCode !== 501);
  if (!isTemporary) return undefined;
  const asked = [429, 503].includes(statusCode) ? retryAfter(headers['retry-after']) : undefined;
  return asked ?? linearPause(failures);
}

/** go-retryablehttp's LinearJitterBackoff. */
function linearPause(failures: number): number {
  const { least, most } = PAUSE_MS;
  return failures * (least + Math.random() * (most - least));
}

/** Seconds or a date (RFC 9110, 10.2.3), as milliseconds from now. */
function retryAfter(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const until = Date.parse(text);
  return Number.isNaN(until) ? undefined : Math.max(0, until - Date.now());
}
