import { CofferError } from '@coffer/base';

/** Longest name of anything, in characters: a path segment, a policy, a role. Far more than people and programs use. */
export const MAX_NAME_LENGTH = 512;
/** Longest path of a request, in characters: a lease id under the deepest mount fits many times over. */
export const MAX_PATH_LENGTH = 4096;
/** The most names in one list: roles of a connection, policies that a role allows. */
export const MAX_NAMES = 1024;

/**
 * A name as stored by an engine that does not distinguish case: Go's `strings.ToLower`, each character by itself and to one
 * character. What a character becomes must not depend on its neighbours (Greek sigma), or a part of a name would fold
 * differently from the whole; nor may a name get longer (the Turkish İ).
 */
export function foldName(name: string): string {
  if (!/[^\0-\x7f]/.test(name)) return name.toLowerCase();
  return Array.from(name, (character) => String.fromCodePoint(character.toLowerCase().codePointAt(0) ?? 0)).join('');
}

/** The name of a policy as it is stored, however it was spelled. */
export function policyName(name: string): string {
  return foldName(name).trim();
}

/**
 * The names or patterns as given, if there are not too many and none is too long.
 * @throws CofferError `invalid-request` naming `field`
 */
export function checkNames(names: readonly string[], field: string, most = MAX_NAMES): readonly string[] {
  if (names.length > most) {
    throw new CofferError('invalid-request', `field "${field}" has ${names.length} names; the maximum is ${most}`);
  }
  if (names.every((name) => name.length <= MAX_NAME_LENGTH)) return names;
  throw new CofferError('invalid-request', `field "${field}": a name is longer than ${MAX_NAME_LENGTH} characters`);
}

/** Everything but letters, digits and `-` becomes `-` (hashicorp/vault:vault/token_store.go, displayNameSanitize). */
export function cleanDisplayName(name: string): string {
  return name.replace(/[^a-zA-Z0-9-]/gu, '-');
}

/** Longest name in a log line, in characters. */
const LOGGED_NAME_LENGTH = 64;

/** A name given by a caller, fit for a log line: bounded, and with `?` for what does not print. */
export function loggedName(name: string): string {
  return Array.from(name.slice(0, LOGGED_NAME_LENGTH).toWellFormed(), (character) =>
    /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character) ? character : '?',
  ).join('');
}
