import { CofferError } from '@coffer/base';
import type { CoreServices } from '@coffer/core';
import {
  definePath,
  invalidAccessor,
  type Path,
  type PathResponse,
  type TokenEntry,
  type TokenStore,
} from '@coffer/framework';

const PATHS = {
  path: { type: 'comma-strings', description: 'Paths to ask about.' },
  paths: { type: 'comma-strings', description: 'Paths to ask about.' },
} as const;

/** Per request. Vault's own UI asks about a few dozen. */
const MAX_PATHS = 1000;

/** `sys/capabilities`, `sys/capabilities-self`, `sys/capabilities-accessor`. */
export function capabilitiesPaths(tokens: TokenStore, authority: CoreServices['authority']): Path[] {
  const answer = async (
    token: TokenEntry | undefined,
    fields: { path: readonly string[] | undefined; paths: readonly string[] | undefined },
  ): Promise<PathResponse> => {
    if (token === undefined) throw new CofferError('invalid-request', 'invalid token');
    const { path = [], paths: given = [] } = fields;
    const paths = given.length === 0 ? path : given;
    if (paths.length === 0) throw new CofferError('invalid-request', 'paths must be supplied');
    if (paths.length > MAX_PATHS) {
      throw new CofferError('invalid-request', `field "paths" has ${paths.length} paths; the maximum is ${MAX_PATHS}`);
    }
    const capabilities = await authority.capabilitiesOf(token);
    const answers = paths.map((each): [string, string[]] => [each, capabilities(each)]);
    const [[, only] = []] = answers.length === 1 ? answers : [];
    // A path may have any name. Built from entries, since `byPath[path] = …` would lose "__proto__".
    return {
      shape: 'flat',
      data: Object.fromEntries([...answers, ...(only ? [['capabilities', only] as const] : [])]),
    };
  };
  return [
    definePath({
      pattern: 'capabilities',
      fields: { ...PATHS, token: { type: 'string', required: true, description: 'The token to ask about.' } },
      synopsis: 'Shows what a token may do on paths.',
      write: async ({ fields }) => answer(await tokens.lookup(fields.token), fields),
    }),
    definePath({
      pattern: 'capabilities-self',
      fields: { ...PATHS, token: { type: 'string', description: 'Kept for compatibility.' } },
      synopsis: 'Shows what the calling token may do on paths.',
      write: async ({ fields, token }) => answer(token, fields),
    }),
    definePath({
      pattern: 'capabilities-accessor',
      fields: { ...PATHS, accessor: { type: 'string', required: true, description: "The token's accessor." } },
      synopsis: 'Shows what the token with an accessor may do on paths.',
      write: async ({ fields }) => {
        const token = await tokens.byAccessor(fields.accessor);
        if (token === undefined) throw invalidAccessor();
        return answer(token, fields);
      },
    }),
  ];
}
