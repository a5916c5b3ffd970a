import type { SealControl } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { requesterOf } from './requester.ts';

/** `sys/seal`. */
export function sealPaths(seal: Pick<SealControl, 'seal'>): Path[] {
  return [
    definePath({
      pattern: 'seal',
      fields: {},
      sudo: true,
      synopsis: 'Seals the server: the keys leave its memory.',
      write: async (request) => {
        seal.seal(requesterOf(request));
        return undefined;
      },
    }),
  ];
}
