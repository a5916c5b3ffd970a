/** The last character: a noncharacter, which no name begins with. Stores sort names by their bytes. */
export const LAST_CHARACTER = '\u{10ffff}';

/**
 * The names below `prefix` are those between it and this, both excluded: a range that an index finds.
 * `prefix` is empty or has a trailing slash; `0` is the character behind the slash.
 */
export function endOfPrefix(prefix: string): string {
  return prefix === '' ? LAST_CHARACTER : `${prefix.slice(0, -1)}0`;
}
