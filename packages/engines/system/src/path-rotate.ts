import { formatGoDuration } from '@coffer/base';
import type { SealControl } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

/** `sys/rotate`, its OpenBao name `sys/rotate/keyring`, and `sys/rotate/config`. */
export function rotatePaths(seal: Pick<SealControl, 'rotate' | 'keyRotation' | 'setKeyRotation'>): Path[] {
  const rotate = (pattern: string): Path =>
    definePath({
      pattern,
      fields: {},
      sudo: true,
      synopsis: 'Installs a new encryption key. Everything written from now on is encrypted with it.',
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
        enabled: {
          type: 'boolean',
          description: 'Whether the encryption key is rotated automatically. Default: true.',
        },
        max_operations: {
          type: 'integer',
          description: 'Number of values that one key may encrypt: 1000000 to 3865470566 (default).',
        },
        interval: {
          type: 'duration',
          description: 'How long one key may stay in use: at least 24 hours, or 0 for no limit.',
        },
      },
      synopsis: 'Shows or changes when the encryption key is rotated automatically.',
      description: 'The server checks once a minute. Fields that you leave out keep their value.',
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
  ];
}
