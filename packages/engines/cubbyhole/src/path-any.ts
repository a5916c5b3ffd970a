import { CofferError } from '@coffer/base';
import { type Cubbyhole, type Cubbyholes, checkNames, definePath, type Path, type TokenEntry } from '@coffer/framework';

/** `cubbyhole/`, `cubbyhole/:cubbyhole_path`. */
export function anyPaths(cubbyholes: Cubbyholes): Path[] {
  const own = (token: TokenEntry | undefined): Cubbyhole => {
    if (token === undefined) throw new CofferError('permission-denied', 'permission denied');
    return cubbyholes.of(token);
  };
  return [
    definePath({
      pattern: '',
      fields: {},
      otherFields: 'accept',
      synopsis: 'Lists what the calling token has stored.',
      list: async ({ token }) => ({ data: { keys: await own(token).list('') } }),
    }),
    definePath({
      pattern: ':cubbyhole_path*',
      fields: {
        cubbyhole_path: { type: 'string', required: true, description: 'Any name; it may contain slashes.' },
      },
      otherFields: 'accept',
      exists: async ({ cubbyhole_path: path = '' }, token) => (await own(token).get(path)) !== undefined,
      synopsis: 'Keeps values for the calling token alone. They end with the token.',
      description: 'A token may keep 1,000 names and 1 MiB.',
      read: async ({ token, fields }) => {
        const data = await own(token).get(fields.cubbyhole_path);
        return data && { data };
      },
      write: async ({ token, fields: { cubbyhole_path: path }, data: given }) => {
        // The name in the URL is among them.
        const data = Object.fromEntries(Object.entries(given).filter(([name]) => name !== 'cubbyhole_path'));
        if (Object.keys(data).length === 0) throw new CofferError('failed', 'missing data fields');
        checkNames([path], 'path');
        await own(token).put(path, data);
        return undefined;
      },
      delete: async ({ token, fields }) => {
        await own(token).delete(fields.cubbyhole_path);
        return undefined;
      },
      list: async ({ token, fields }) => ({
        data: { keys: await own(token).list(`${fields.cubbyhole_path}/`) },
      }),
    }),
  ];
}
