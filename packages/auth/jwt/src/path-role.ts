import { CofferError } from '@coffer/base';
import { definePath, type EntryStorage, type Path } from '@coffer/framework';
import { NEW_ROLE, rolesOf, roleView } from './role-entry.ts';
import { ROLE_FIELDS, refuseUnsupported, withSettings } from './role-settings.ts';

/** `role` (LIST), `role/:name`. */
export function rolePaths(storage: EntryStorage): Path[] {
  const roles = rolesOf(storage);
  return [
    definePath({
      pattern: 'role',
      fields: {},
      synopsis: 'Lists the roles.',
      list: async ({ page }) => ({ data: { keys: await storage.list('role/', page) } }),
    }),
    definePath({
      pattern: 'role/:name',
      foldedNames: ['name'],
      fields: {
        name: { type: 'string', required: true, description: 'The name of the role.' },
        ...ROLE_FIELDS,
      },
      synopsis: 'Manages a role: whose tokens log in, and the settings of the tokens they get.',
      exists: async ({ name = '' }) => (await roles.get(name)) !== undefined,
      read: async ({ fields }) => {
        const role = await roles.get(fields.name);
        return role && { data: roleView(role) };
      },
      write: async ({ fields }) => {
        refuseUnsupported(fields);
        const { name } = fields;
        // Two who make it at once: the second one changes what the first has made.
        const known = (await roles.get(name)) !== undefined;
        if (!known && (await roles.add(name, withSettings(NEW_ROLE, fields)))) return undefined;
        const changed = await roles.update(name, (role) => withSettings(role, fields));
        if (changed === undefined)
          throw new CofferError('not-found', `role ${JSON.stringify(name)} was deleted meanwhile`);
        return undefined;
      },
      delete: async ({ fields }) => {
        await roles.delete(fields.name);
        return undefined;
      },
    }),
  ];
}
