import type { TargetSessionAttributes } from '../settings/connection-fields.ts';
import type { Row } from './request.ts';

/** Undefined: any, but no standby. All that we do needs a server that takes writes, and what we read must be the latest. */
export type Wanted = TargetSessionAttributes | undefined;

/** What to ask of the hosts, in turn, until one of them has it. */
export function passes(wanted: Wanted): readonly Wanted[] {
  if (wanted === undefined) return [undefined, 'any'];
  return wanted === 'prefer-standby' ? ['standby', 'any'] : [wanted];
}

/**
 * Why a session is not what `wanted` asks for; undefined if it is (libpq's target_session_attrs,
 * postgres:src/interfaces/libpq/fe-connect.c). To be asked before the settings of the session are ours: they turn
 * default_transaction_read_only off. By SQL, since servers before version 14 do not report either of the two.
 *
 * @throws Failure
 */
export async function sessionMismatch(session: Asked, wanted: Wanted): Promise<string | undefined> {
  // Without a round trip; which server does not say so is none that we know to have standbys.
  if (wanted === undefined) return session.inHotStandby === true ? 'server is in hot standby mode' : undefined;
  if (wanted === 'any' || wanted === 'prefer-standby') return undefined;
  const { rows } = await session.query(
    `SELECT pg_catalog.pg_is_in_recovery() AS standby,
            pg_catalog.current_setting('default_transaction_read_only') AS read_only`,
  );
  const standby = rows[0]?.['standby'] === true;
  const readOnly = standby || rows[0]?.['read_only'] === 'on';
  const found = mismatch(wanted, standby, readOnly);
  return found && `${found}, and target_session_attrs is ${wanted}`;
}

interface Asked {
  /** As the server reports it, since version 14. */
  readonly inHotStandby?: boolean;
  query(sql: string): Promise<{ readonly rows: readonly Row[] }>;
}

/** In libpq's words. */
function mismatch(wanted: TargetSessionAttributes, standby: boolean, readOnly: boolean): string | undefined {
  if (wanted === 'read-write' && readOnly) return 'session is read-only';
  if (wanted === 'read-only' && !readOnly) return 'session is not read-only';
  if (wanted === 'primary' && standby) return 'server is in hot standby mode';
  if (wanted === 'standby' && !standby) return 'server is not in hot standby mode';
  return undefined;
}

/** The places whose sessions turned out to be read-only: they are tried last, and the latest of them last of all. */
export class ReadOnlyPlaces {
  readonly #keys = new Set<string>();

  add(key: string): void {
    this.#keys.delete(key);
    this.#keys.add(key);
  }

  last<T>(places: readonly T[], keyOf: (place: T) => string): readonly T[] {
    const order = [...this.#keys];
    return places.toSorted((one, other) => order.indexOf(keyOf(one)) - order.indexOf(keyOf(other)));
  }
}
