import { definePath, type Path, type TokenStore } from '@coffer/framework';

/** `auth/token/accessors` (LIST). */
export function accessorsPaths(tokens: TokenStore): Path[] {
  return [
    definePath({
      pattern: 'accessors',
      fields: {},
      sudo: true,
      synopsis: 'Lists the accessors of all tokens.',
      list: async ({ page }) => ({ data: { keys: await tokens.accessors(page) } }),
    }),
  ];
}
