import { formatTime } from '@coffer/base';
import { definePath, type Path, type SealControl } from '@coffer/core';

/** `sys/rotate` (also under OpenBao's name `sys/rotate/keyring`) and `sys/key-status`. */
export function rotatePaths(seal: SealControl): Path[] {
  const rotate = (pattern: string): Path =>
    definePath({
      pattern,
      fields: {},
      sudo: true,
      synopsis: 'Adds a new encryption key: what is written from now on is sealed under it.',
      write: async () => {
        await seal.rotate();
        return undefined;
      },
    });
  return [
    rotate('rotate'),
    rotate('rotate/keyring'),
    definePath({
      pattern: 'key-status',
      fields: {},
      synopsis: 'Shows the term of the encryption key, when it was installed, and how often it was used.',
      read: async () => {
        const { term, installTime, encryptions } = seal.keyStatus();
        return { shape: 'flat', data: { term, install_time: formatTime(installTime), encryptions } };
      },
    }),
  ];
}
