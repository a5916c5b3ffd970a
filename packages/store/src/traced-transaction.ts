import type { SpanDescription } from '@coffer/base';
import { kindsOf } from '@coffer/yb-connection';
import type { SqlStatement } from './store.ts';

/** One transaction of the store, its attempts and the waits between them included. */
export function storeSpan(system: 'postgresql' | 'sqlite', statements: readonly SqlStatement[]): SpanDescription {
  return {
    name: 'store transaction',
    kind: 'client',
    attributes: {
      'db.system.name': system,
      'db.operation.name': kindsOf(statements.map(({ sql }) => sql)),
      'coffer.store.statements': statements.length,
    },
  };
}
