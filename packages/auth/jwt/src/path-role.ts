import { type EngineContext, type Path, pathsOfRoles } from '@coffer/framework';
import { NEW_ROLE, rolesOf, roleView } from './role-entry.ts';
import { ROLE_FIELDS, withSettings } from './role-settings.ts';

/** `role` (LIST), `role/:name`. */
export function rolePaths(context: Pick<EngineContext, 'storage' | 'ttlLimits'>): Path[] {
  return pathsOfRoles(context, {
    pattern: 'role',
    roles: rolesOf(context.storage),
    fields: ROLE_FIELDS,
    synopsis: {
      list: 'Lists the roles.',
      one: 'Manages a role: whose JWTs log in, and the settings of the tokens they get.',
    },
    initial: NEW_ROLE,
    change: withSettings,
    view: roleView,
  });
}
