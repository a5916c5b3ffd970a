import { CofferError, type MetricsView } from '@coffer/base';

/** Without one nobody watches. */
export const NOT_WATCHED: MetricsView = {
  prometheus: () => Promise.reject(new CofferError('unsupported', 'unsupported operation')),
  summary: () => {
    throw new CofferError('unsupported', 'unsupported operation');
  },
};
