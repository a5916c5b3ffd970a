import { CofferError } from '@coffer/base';
import type { IdentityStore, LeaseList } from '@coffer/core';
import { definePath, multiError, type Path } from '@coffer/framework';

const NOT_COUNTED =
  'clients are not counted: sys/internal/counters/tokens and sys/internal/counters/leases have the numbers of tokens and leases';

/** `sys/internal/counters/...` */
export function internalCountersPaths(list: LeaseList, { entities }: Pick<IdentityStore, 'entities'>): Path[] {
  return [
    definePath({
      pattern: 'internal/counters/tokens',
      fields: {},
      synopsis: 'Counts the service tokens that are valid.',
      read: async () => ({ data: { counters: { service_tokens: { total: await list.countTokens() } } } }),
    }),
    definePath({
      pattern: 'internal/counters/entities',
      fields: {},
      synopsis: 'Counts the entities.',
      read: async () => ({ data: { counters: { entities: { total: await entities.count() } } } }),
    }),
    definePath({
      pattern: 'internal/counters/leases',
      fields: {},
      synopsis: 'Counts the leases of credentials, and among them those whose revocation is unfinished or failing.',
      read: async () => {
        const [total, revoking, irrevocable] = await Promise.all([
          list.count(),
          list.count('revoking'),
          list.countIrrevocable(),
        ]);
        return { data: { counters: { leases: { total, revoking, irrevocable } } } };
      },
    }),
    definePath({
      pattern: 'internal/counters/requests',
      fields: {},
      synopsis: 'Removed, as in Vault.',
      read: () => Promise.reject(new CofferError('not-found', 'The functionality has been removed on this path')),
    }),
    ...['activity', 'activity/monthly', 'activity/export'].map((what) =>
      definePath({
        pattern: `internal/counters/${what}`,
        fields: {},
        otherFields: 'accept',
        sudo: what === 'activity/export',
        synopsis: 'Not available: clients are not counted.',
        read: () => Promise.reject(new CofferError('not-found', multiError(['unsupported path']))),
      }),
    ),
    definePath({
      pattern: 'internal/counters/config',
      fields: { enabled: { type: 'string', default: '', description: 'Only "disable" or "default".' } },
      synopsis: 'Shows that clients are not counted.',
      read: async () => ({
        data: {
          enabled: 'default-disabled',
          queries_available: false,
          default_report_months: 12,
          retention_months: 0,
          minimum_retention_months: 0,
          reporting_enabled: false,
        },
      }),
      write: async ({ fields: { enabled } }) => {
        if (['', 'disable', 'default'].includes(enabled)) return undefined;
        throw new CofferError('invalid-request', `field "enabled": ${NOT_COUNTED}`);
      },
    }),
  ];
}
