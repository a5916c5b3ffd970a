import { CofferError, type Metrics } from '@coffer/base';
import type { Store } from './store.ts';

/** The same store, which tells how long each call takes, and what fails. */
export function watchedStore(store: Store, metrics: Metrics): Store {
  const watch = async <T>(operation: string, work: () => Promise<T>): Promise<T> => {
    const begin = performance.now();
    const labels = { operation };
    try {
      return await work();
    } catch (thrown) {
      metrics.count('coffer.store.failed.total', { operation, class: CofferError.from(thrown).code });
      throw thrown;
    } finally {
      metrics.took('coffer.store.seconds', performance.now() - begin, labels);
    }
  };
  return {
    exclusive: store.exclusive,
    ...(store.bulk && { bulk: store.bulk }),
    ...(store.rewrites && { rewrites: store.rewrites.bind(store) }),
    run: (sql, params) => watch(operationOf(sql), () => store.run(sql, params)),
    transaction: (statements) => {
      const [first] = statements;
      const operation = statements.length === 1 && first !== undefined ? operationOf(first.sql) : 'transaction';
      return watch(operation, () => store.transaction(statements));
    },
    close: () => store.close(),
  };
}

function operationOf(sql: string): 'read' | 'write' {
  return sql.startsWith('SELECT') ? 'read' : 'write';
}
