import { CofferError } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';

const NO_LEADER =
  'every unsealed node is active, so no node can step down. To take this node out of service, seal it or stop it ' +
  '(shutdown_delay tells load balancers first)';

/** `sys/step-down`, which clients of Vault know: refused, with what to do. */
export function stepDownPaths(): Path[] {
  return [
    definePath({
      pattern: 'step-down',
      fields: {},
      sudo: true,
      synopsis: 'Refused: all unsealed nodes are active.',
      write: () => Promise.reject(new CofferError('invalid-request', NO_LEADER)),
    }),
  ];
}
