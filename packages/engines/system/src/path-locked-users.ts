import type { JsonObject } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

/** `sys/locked-users`, `sys/locked-users/:mount_accessor/unlock/:alias_identifier`. */
export function lockedUsersPaths(lockedUsers: CoreServices['lockedUsers']): Path[] {
  return [
    definePath({
      pattern: 'locked-users',
      fields: {
        mount_accessor: { type: 'string', default: '', description: 'Shows only users of this auth method.' },
      },
      synopsis: 'Lists users locked out after failed logins, by auth method.',
      read: async ({ fields }) => {
        const locked = await lockedUsers.list(fields.mount_accessor);
        const mounts: JsonObject[] = locked
          .filter(({ users }) => users.length > 0)
          .map(({ accessor, users }) => ({ mount_accessor: accessor, counts: users.length, alias_identifiers: users }));
        const total = locked.reduce((sum, { users }) => sum + users.length, 0);
        const root = { namespace_id: 'root', namespace_path: '', counts: total, mount_accessors: mounts };
        return { data: { by_namespace: total === 0 ? [] : [root], total } };
      },
    }),
    definePath({
      pattern: 'locked-users/:mount_accessor/unlock/:alias_identifier*',
      fields: {
        mount_accessor: { type: 'string', required: true, description: 'The auth method.' },
        alias_identifier: {
          type: 'string',
          required: true,
          description: 'The user: a name for userpass, a role ID for approle.',
        },
      },
      synopsis: 'Unlocks a user who is locked out.',
      write: async ({ fields }) => {
        await lockedUsers.unlock(fields.mount_accessor, fields.alias_identifier);
        return undefined;
      },
    }),
  ];
}
