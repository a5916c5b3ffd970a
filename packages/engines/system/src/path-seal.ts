import { definePath, type Path, type SealControl } from '@coffer/core';
import { callerOf } from './caller.ts';

/** `sys/seal`. */
export function sealPaths(seal: SealControl): Path[] {
  return [
    definePath({
      pattern: 'seal',
      fields: {},
      sudo: true,
      synopsis: 'Seals the server: the keys leave its memory.',
      write: async (request) => {
        seal.seal(callerOf(request));
        return undefined;
      },
    }),
  ];
}
