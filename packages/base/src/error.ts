/**
 * The one error class. Its codes are closed: callers `switch` on them, the HTTP edge maps each to a status.
 *
 * `invalid-request` the caller's input is wrong; the message names the field and the remedy (400)
 * `permission-denied` no token, a bad token, or a policy that does not allow it (403)
 * `not-found` nothing there (404)
 * `unsupported` the path exists, the operation does not (405)
 * `failed` something outside us failed (database, plugin); the message is safe to show (500)
 * `too-many-requests` more at once than is served; try again a little later (429)
 * `unavailable` try again later: a dependency is down or the work is still under way (503)
 * `sealed` the barrier is sealed (503)
 * `internal` a bug; the message never leaves the process, `cause` is for the log (500)
 */
export const ERROR_CODES = [
  'invalid-request',
  'permission-denied',
  'not-found',
  'unsupported',
  'failed',
  'too-many-requests',
  'unavailable',
  'sealed',
  'internal',
] as const;
export type ErrorCode = (typeof ERROR_CODES)[number];

export class CofferError extends Error {
  readonly code: ErrorCode;

  /** When to come back, in seconds, for whoever asks again. */
  readonly retryAfterSeconds: number | undefined;
  /** Headers that go with the answer. */
  readonly headers: Readonly<Record<string, string>>;

  /** `message` must be fit for a user's eyes: no secret, no stack. The original goes into `cause`, for the log only. */
  constructor(
    code: ErrorCode,
    message: string,
    {
      retryAfterSeconds,
      headers = {},
      ...options
    }: { cause?: unknown; retryAfterSeconds?: number; headers?: Readonly<Record<string, string>> } = {},
  ) {
    super(message, options);
    this.name = 'CofferError';
    this.code = code;
    this.retryAfterSeconds = retryAfterSeconds;
    this.headers = headers;
  }

  /** What leaves the process for any thrown value: a CofferError as it is, everything else masked. */
  static from(thrown: unknown): CofferError {
    if (thrown instanceof CofferError) return thrown;
    return new CofferError('internal', 'internal error', { cause: thrown });
  }
}

export function isCofferError(value: unknown, code?: ErrorCode): value is CofferError {
  return value instanceof CofferError && (code === undefined || value.code === code);
}

/** The text of any thrown value, for a log line or for wrapping (not for a user: see {@link CofferError.from}). */
export function errorText(thrown: unknown): string {
  if (thrown instanceof AggregateError && thrown.message === '') return thrown.errors.map(errorText).join('; ');
  return thrown instanceof Error ? thrown.message.replace(NODE_HINT, '') : String(thrown);
}

/** What Node.js says after that a certificate cannot be verified: nobody can follow it here. */
const NODE_HINT = '; if the root CA is installed locally, try running Node.js with --use-system-ca';
