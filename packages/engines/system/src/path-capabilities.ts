import { CofferError, type JsonObject } from '@coffer/base';
import { type CoreServices, definePath, type Path, type PathResponse, type TokenEntry } from '@coffer/core';

const PATHS = {
  path: { type: 'comma-strings', description: 'Paths to ask about.' },
  paths: { type: 'comma-strings', description: 'Paths to ask about.' },
} as const;

/** `sys/capabilities`, `sys/capabilities-self`, `sys/capabilities-accessor`. */
export function capabilitiesPaths(services: CoreServices): Path[] {
  const answer = async (
    token: TokenEntry | undefined,
    fields: { path: readonly string[] | undefined; paths: readonly string[] | undefined },
  ): Promise<PathResponse> => {
    if (token === undefined) throw new CofferError('invalid-request', 'invalid token');
    const paths = fields.paths ?? fields.path ?? [];
    if (paths.length === 0) throw new CofferError('invalid-request', 'paths must be supplied');
    const acl = await services.aclOf(token);
    const byPath: Record<string, string[]> = {};
    for (const path of paths) byPath[path] = acl.capabilities(path.replace(/^\//, ''));
    const first = paths.length === 1 ? byPath[paths[0] ?? ''] : undefined;
    const data: JsonObject = { ...byPath, ...(first && { capabilities: first }) };
    return { shape: 'flat', data };
  };
  return [
    definePath({
      pattern: 'capabilities',
      fields: { ...PATHS, token: { type: 'string', required: true, description: 'The token to ask about.' } },
      synopsis: 'What a token may do on paths.',
      write: async ({ fields }) => answer(await services.tokens.lookup(fields.token), fields),
    }),
    definePath({
      pattern: 'capabilities-self',
      fields: { ...PATHS, token: { type: 'string', description: 'Kept for compatibility.' } },
      synopsis: 'What the calling token may do on paths.',
      write: async ({ fields, token }) => answer(token, fields),
    }),
    definePath({
      pattern: 'capabilities-accessor',
      fields: { ...PATHS, accessor: { type: 'string', required: true, description: "The token's accessor." } },
      synopsis: 'What the token of an accessor may do on paths.',
      write: async ({ fields }) => answer(await services.tokens.byAccessor(fields.accessor), fields),
    }),
  ];
}
