import { type StoredRow, textOf } from './store-file.ts';

/** Every kind of row that a store has, and a field whose absence or presence makes one more. */
export const KINDS = [
  'entries approle accessor/',
  'entries approle role-id/',
  'entries approle role/',
  'entries approle secret-id/',
  'entries auth/token roles/',
  'entries core/cluster',
  'entries core/keys',
  'entries core/password-policies',
  'entries core/plugin-catalog',
  'entries core/wrapping',
  'entries database config/',
  'entries database roles/',
  'entries database static-roles/',
  'entries userpass users/',
  'intents root/ open',
  'intents static/ open',
  'intents static/ settled',
  'leases active',
  'leases creating',
  'leases revoking',
  'mounts approle',
  'mounts database',
  'mounts userpass',
  'policies',
  'tokens bound to networks',
  'tokens by a role',
  'tokens plain',
  'tokens wrapping',
] as const;

/** What a store has besides, if its version knows identities: 0.1.0 was written before. */
export const IDENTITY_KINDS = [
  'identity_aliases entity',
  'identity_aliases group',
  'identity_entities',
  'identity_groups external',
  'identity_groups internal',
  'identity_members entity',
  'identity_members group',
  'tokens of an entity',
] as const;

/** Those of the auth methods for workloads, which 0.1.0 did not have. */
export const WORKLOAD_KINDS = [
  'entries cert certs/',
  'entries cert config/',
  'entries cert crls/',
  'entries jwt config/',
  'entries jwt oidc/',
  'entries jwt role/',
  'entries kubernetes config/',
  'entries kubernetes role/',
  'entries oidc config/',
  'entries oidc oidc-spent/',
  'entries oidc oidc/',
  'entries oidc role/',
] as const;

/** What {@link KINDS} and the lists of newer kinds call a row. `typeOf`: the type of a mount, by its uuid. */
export function kindOf({ table, columns, value }: StoredRow, typeOf: ReadonlyMap<string, string>): string {
  const column = (name: string): string => textOf(columns, name);
  switch (table) {
    case 'mounts':
      return `mounts ${textOf(value, 'type')}`;
    case 'entries': {
      if (column('mount').startsWith('core/')) return `entries ${column('mount')}`;
      const [group = ''] = column('name').split('/');
      return `entries ${typeOf.get(column('mount')) ?? 'auth/token'} ${group}/`;
    }
    case 'leases':
      return `leases ${column('state')}`;
    case 'intents':
      return `intents ${column('subject').split('/')[0] ?? ''}/ ${column('state')}`;
    case 'identity_aliases':
    case 'identity_groups':
    case 'identity_members':
      return `${table} ${textOf(value, table === 'identity_groups' ? 'type' : 'kind')}`;
    case 'tokens':
      return `tokens ${kindOfToken(value)}`;
    default:
      return table;
  }
}

function kindOfToken(value: StoredRow['value']): string {
  if (value['entityId'] !== undefined) return 'of an entity';
  if (value['role'] !== undefined) return 'by a role';
  if (value['boundCidrs'] !== undefined) return 'bound to networks';
  return JSON.stringify(value['policies']) === '["response-wrapping"]' ? 'wrapping' : 'plain';
}
