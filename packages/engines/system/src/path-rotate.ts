import { formatGoDuration, formatTime } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import type { SealControl } from '@coffer/core';

/** `sys/rotate` (also under OpenBao's name `sys/rotate/keyring`), `sys/rotate/config` and `sys/key-status`. */
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
      pattern: 'rotate/config',
      fields: {
        enabled: { type: 'boolean', description: 'Whether the encryption key is rotated by itself. Default: true.' },
        max_operations: {
          type: 'integer',
          description: 'Values sealed under one key at most: 1000000 to 3865470566, the default.',
        },
        interval: { type: 'duration', description: 'Longest time under one key; 24 hours or more, or 0 for no limit.' },
      },
      synopsis: 'Shows or changes when the encryption key is rotated by itself.',
      description: 'It is looked once a minute. What is not given keeps its value.',
      read: async () => {
        const { enabled, interval, maxOperations } = await seal.keyRotation();
        // Vault's two kinds of value (hashicorp/vault:vault/logical_system.go, handleKeyRotationConfigRead).
        const shown = interval === 0 ? 0 : formatGoDuration(interval);
        return { data: { enabled, interval: shown, max_operations: maxOperations } };
      },
      write: async ({ fields }) => {
        const present = await seal.keyRotation();
        await seal.setKeyRotation({
          enabled: fields.enabled ?? present.enabled,
          interval: fields.interval ?? present.interval,
          maxOperations: fields.max_operations ?? present.maxOperations,
        });
        return undefined;
      },
    }),
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
