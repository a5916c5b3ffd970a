import { formatTime } from '@coffer/base';
import type { SealControl } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

/** `sys/key-status`. */
export function keyStatusPaths(seal: Pick<SealControl, 'keyStatus'>): Path[] {
  return [
    definePath({
      pattern: 'key-status',
      fields: {},
      synopsis: 'Shows the term of the encryption key, when it was installed, and how many values it has encrypted.',
      read: async () => {
        const { term, installTime, encryptions } = seal.keyStatus();
        return { shape: 'flat', data: { term, install_time: formatTime(installTime), encryptions } };
      },
    }),
  ];
}
