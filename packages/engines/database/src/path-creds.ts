import { CofferError } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import type { EngineParts } from './engine-parts.ts';
import { readRole } from './role-entry.ts';
import { issueUser } from './user-lease.ts';
import { counted } from './watched.ts';

/** `creds/:name`: a new login with a lease. */
export function credsPaths(parts: Omit<EngineParts, 'plugins'>): Path[] {
  return [
    definePath({
      pattern: 'creds/:name',
      fields: { name: { type: 'string', required: true, description: 'The role.' } },
      synopsis: 'Creates a database user for a role. Returns the user name and password with a lease.',
      read: async ({ fields, token, mountPath }) => {
        const role = await readRole(parts.context.storage, fields.name);
        if (role === undefined) throw new CofferError('invalid-request', `unknown role: ${fields.name}`);
        if (token === undefined) throw new CofferError('permission-denied', 'permission denied');
        const request = { roleName: fields.name, role, token, path: `${mountPath}creds/${fields.name}` };
        const credential = { connection: role.dbName, role: fields.name };
        return counted(parts.context.metrics, 'issue', credential, () => issueUser(parts, request));
      },
    }),
  ];
}
