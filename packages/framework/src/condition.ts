/** A row that must be there, with these values, in the moment that another is inserted. A token must be valid besides. */
export interface Condition {
  readonly table: 'entries' | 'tokens';
  /** Values by column, the whole key among them. */
  readonly row: Readonly<Record<string, string | Uint8Array>>;
}

/** The token is there and its time is not over. One that has spent its last use is valid to the end of that request. */
export function validToken(id: string): Condition {
  return { table: 'tokens', row: { id } };
}
