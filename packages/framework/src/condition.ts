/** A row that must exist, with these values, at the moment another is inserted. A token must also be valid. */
export interface Condition {
  readonly table: 'entries' | 'intents' | 'mounts' | 'tokens';
  /** Values by column, among them the whole key. */
  readonly row: Readonly<Record<string, string | number | Uint8Array>>;
}

/** The token exists and has not expired. One that has spent its last use is valid until the end of that request. */
export function validToken(id: string): Condition {
  return { table: 'tokens', row: { id } };
}
