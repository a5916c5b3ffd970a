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

/** What {@link KINDS} calls a row. `typeOf`: the type of a mount, by its uuid. */
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
    case 'tokens':
      if (value['role'] !== undefined) return 'tokens by a role';
      if (value['boundCidrs'] !== undefined) return 'tokens bound to networks';
      return JSON.stringify(value['policies']) === '["response-wrapping"]' ? 'tokens wrapping' : 'tokens plain';
    default:
      return table;
  }
}
