import { editDistance } from '@coffer/base';
import type { ConnectionField } from '@coffer/database-plugin';
import { CONNECTION_FIELDS, type SettingField } from '@coffer/yb-connection';

/** One field of a connection's configuration, as data: for decoding, documentation and "unknown field" errors. */
export type YsqlField = SettingField & ConnectionField;

export const OWNED_OBJECT_POLICIES = ['reassign', 'drop', 'fail'] as const;
export const PASSWORD_AUTHENTICATIONS = ['password', 'scram-sha-256'] as const;

/** The role that takes over what a revoked user owned, unless `reassign_owned_to` names a different one. */
export const DEFAULT_REASSIGN_ROLE = 'coffer_reassigned';

/** The fields that say how users are made and dropped: Vault's, and our own. */
export const USER_FIELDS = [
  {
    name: 'username_template',
    type: 'string',
    description:
      'Template for user names. Default: v-<display name>-<role>-<random>-<unix time>, truncated to 63 bytes.',
  },
  {
    name: 'password_authentication',
    type: 'string',
    default: 'password',
    choices: PASSWORD_AUTHENTICATIONS,
    description: 'With scram-sha-256, the database gets only a SCRAM verifier of each new password.',
  },
  {
    name: 'owned_objects',
    type: 'string',
    default: 'reassign',
    choices: OWNED_OBJECT_POLICIES,
    description: 'What happens to objects that a revoked user owns.',
  },
  {
    name: 'reassign_owned_to',
    type: 'string',
    default: DEFAULT_REASSIGN_ROLE,
    description: 'Role that takes over owned objects; the default one is created without login when first needed.',
  },
] as const satisfies readonly YsqlField[];

export type UserFieldName = (typeof USER_FIELDS)[number]['name'];

/** Every field of a YSQL connection. */
export const YSQL_FIELDS = [...CONNECTION_FIELDS, ...USER_FIELDS] as const satisfies readonly YsqlField[];

const BY_NAME: ReadonlyMap<string, YsqlField> = new Map(YSQL_FIELDS.map((field) => [field.name, field]));

export function findField(name: string): YsqlField | undefined {
  return BY_NAME.get(name);
}

/** The known field closest to `name` by edit distance, if it is close enough for `name` to be a typo. */
export function nearestField(name: string): string | undefined {
  let nearest: { name: string; distance: number } | undefined;
  for (const field of YSQL_FIELDS) {
    const distance = editDistance(name.toLowerCase().replaceAll('-', '_'), field.name);
    if (nearest === undefined || distance < nearest.distance) nearest = { name: field.name, distance };
  }
  return nearest !== undefined && nearest.distance <= Math.max(2, Math.floor(name.length / 3))
    ? nearest.name
    : undefined;
}
