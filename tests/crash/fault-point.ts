/** Where a process can be cut off: at each await on the store, on a statement of the database, or on a login to it. */
import type { CrashCase } from './cases.ts';
import type { StoreMoment } from './child.ts';
import { isWrite, type StoreCall } from './observed-store.ts';

/** `late`: the server gets the statement, and carries it out only when the killed process has long been restarted. */
export type StatementMoment = 'before' | 'after' | 'late';

export type FaultPoint =
  | { readonly at: 'store'; readonly call: StoreCall; readonly moment: StoreMoment }
  /** The statement with this index among those of the request. */
  | { readonly at: 'statement'; readonly index: number; readonly sql: string; readonly moment: StatementMoment }
  /** The login with this index: just let in. */
  | { readonly at: 'login'; readonly index: number };

/** What a request did when nothing happened to it. */
export interface Rehearsal {
  readonly calls: readonly StoreCall[];
  readonly statements: readonly string[];
  readonly logins: number;
}

export function everyPoint({ calls, statements, logins }: Rehearsal): FaultPoint[] {
  return [
    ...calls.flatMap((call) =>
      (['before', 'during', 'after'] as const).map((moment): FaultPoint => ({ at: 'store', call, moment })),
    ),
    ...statements.flatMap((sql, index) => {
      const moments = hasEffect(sql) ? (['before', 'after', 'late'] as const) : (['before', 'after'] as const);
      return moments.map((moment): FaultPoint => ({ at: 'statement', index, sql, moment }));
    }),
    ...Array.from({ length: logins }, (_, index): FaultPoint => ({ at: 'login', index })),
  ];
}

/**
 * Those after which something is different, since before a change things are as after the one that went before it; and
 * those where a change comes late that the next server must not overlook.
 */
export function bounded(points: readonly FaultPoint[], { sameStoreCalls }: CrashCase): FaultPoint[] {
  return points.filter((point) => {
    switch (point.at) {
      case 'store':
        return sameStoreCalls !== true && isWrite(point.call) && point.moment === 'after';
      case 'statement':
        if (point.moment === 'late') return /^(CREATE|ALTER)/i.test(point.sql);
        return point.moment === 'after' && /^(CREATE|ALTER|DROP|COMMIT)/i.test(point.sql);
      case 'login':
        return false;
    }
  });
}

function hasEffect(sql: string): boolean {
  return /^(CREATE|ALTER|DROP|GRANT|REVOKE|COMMIT)/i.test(sql);
}

/** For messages; without what is secret in a statement. */
export function describePoint(point: FaultPoint): string {
  switch (point.at) {
    case 'store':
      return `${point.moment} store call ${point.call.occurrence} of ${JSON.stringify(point.call.sql)}`;
    case 'statement':
      return `${point.moment} statement ${point.index + 1}, ${point.sql.slice(0, 24)}...`;
    case 'login':
      return `login ${point.index + 1}`;
  }
}
