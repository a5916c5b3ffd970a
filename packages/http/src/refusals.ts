import type { Shortage } from './in-flight.ts';

/** Whose fault it is decides the status (docs/decisions/0027-who-is-told-to-wait.md). */
export const CROWDED: Readonly<Record<Shortage, readonly [number, string]>> = {
  caller: [429, 'too many requests are under way from this address; try again a little later'],
  server: [503, 'the server is busy: too many requests are under way; try again a little later'],
};
export const BUSY: Readonly<Record<Shortage, readonly [number, string]>> = {
  caller: [429, 'too many requests with large bodies are under way from this address; try again a little later'],
  server: [503, 'the server is busy: too many requests with large bodies are under way; try again a little later'],
};
/** What is wrong with a body. */
export const BODY_REFUSALS = {
  'too-large': [413, 'request body too large'],
  stranger: [413, 'request body too large: more is read only for a token that is valid here, on paths that need one'],
  malformed: [400, 'the body is not sent as HTTP wants it'],
  late: [408, 'the request took too long to arrive'],
} as const;
