import type { LeaseHolder } from './token-entry.ts';

/** A row that must exist, with these values, at the moment another is inserted. A token must also be valid. */
export interface Condition {
  readonly table:
    | 'entries'
    | 'identity_aliases'
    | 'identity_entities'
    | 'identity_groups'
    | 'intents'
    | 'mounts'
    | 'tokens';
  /** Values by column, among them the whole key. */
  readonly row: Readonly<Record<string, string | number | Uint8Array>>;
}

/** The token exists and has not expired. One that has spent its last use is valid until the end of that request. */
export function validToken(id: string): Condition {
  return { table: 'tokens', row: { id } };
}

/** As {@link validToken}. A batch token has no row: what can end it early is the end of its parent. */
export function stillValid({
  id,
  type,
  parent = '',
}: Pick<LeaseHolder, 'id' | 'type' | 'parent'>): readonly Condition[] {
  if (type !== 'batch') return [validToken(id)];
  return parent === '' ? [] : [validToken(parent)];
}
