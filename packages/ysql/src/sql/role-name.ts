import { CofferError } from '@coffer/base';

/** The most bytes a name can have (NAMEDATALEN - 1). PostgreSQL truncates longer ones when it stores them. */
export const NAME_BYTES = 63;

/** A name as the server stores it: cut to 63 bytes at a character boundary (postgres:src/backend/parser/scansup.c). */
export function clipName(name: string, bytes: number = NAME_BYTES): string {
  if (Buffer.byteLength(name) <= bytes) return name;
  let clipped = '';
  let length = 0;
  for (const character of name) {
    length += Buffer.byteLength(character);
    if (length > bytes) break;
    clipped += character;
  }
  return clipped;
}

/**
 * A role's name as the server stores it.
 *
 * @throws CofferError `invalid-request` for a name that no role can have: the server would read it as a different one
 */
export function roleName(name: string): string {
  if (name === '') throw new CofferError('invalid-request', 'missing username');
  if (name.includes('\0') || !name.isWellFormed()) {
    throw new CofferError(
      'invalid-request',
      'username: it contains a NUL character or half of a surrogate pair, which PostgreSQL does not accept in names',
    );
  }
  return clipName(name);
}
