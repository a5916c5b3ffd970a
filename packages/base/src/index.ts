/** What every room may use: the error class, `Secret`, JSON values, Go durations and times, deadlines, backoff, unknown outcomes, random names, the log, SCRAM. */
export * from './backoff.ts';
export * from './deadline.ts';
export * from './duration.ts';
export * from './edit-distance.ts';
export * from './error.ts';
export * from './file-trust.ts';
export * from './json.ts';
export * from './json-limits.ts';
export * from './log.ts';
export * from './outcome-unknown.ts';
export * from './random.ts';
export * from './redact.ts';
export { isAscii, saslprep } from './saslprep.ts';
export { logInAsLibpq, looksLikeVerifier, scramVerifier } from './scram.ts';
export * from './secret.ts';
export * from './time.ts';
export * from './trim.ts';
export * from './version.ts';
