import type { Shortage } from './in-flight.ts';

/** Whose fault it is decides the status (docs/decisions/0027-who-is-told-to-wait.md). */
export const CROWDED: Readonly<Record<Shortage, readonly [number, string]>> = {
  caller: [429, 'too many requests in flight from this address; try again a little later'],
  server: [503, 'the server is busy: too many requests in flight; try again a little later'],
};
export const BUSY: Readonly<Record<Shortage, readonly [number, string]>> = {
  caller: [429, 'too many requests with large bodies in flight from this address; try again a little later'],
  server: [503, 'the server is busy: too many requests with large bodies in flight; try again a little later'],
};
/** What is wrong with a body. */
export const BODY_REFUSALS = {
  'too-large': [413, 'request body too large'],
  stranger: [413, 'request body too large: larger bodies need a valid token, and a path that requires one'],
  malformed: [400, 'the body is not valid HTTP'],
  late: [408, 'the request took too long to arrive'],
} as const;
