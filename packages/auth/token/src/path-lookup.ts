import { CofferError } from '@coffer/base';
import { definePath, invalidAccessor, type Path, type PathResponse, type TokenEntry } from '@coffer/framework';
import type { TokenAuthOptions } from './token-auth-options.ts';
import { tokenView } from './token-view.ts';

/** `auth/token/lookup`, `lookup-self`, `lookup-accessor`. */
export function lookupPaths({ tokens, identityPoliciesOf }: TokenAuthOptions): Path[] {
  const show = async (entry: TokenEntry | undefined, token: string): Promise<PathResponse> => {
    if (entry === undefined) throw new CofferError('permission-denied', 'bad token');
    return { data: tokenView(entry, token, await identityPoliciesOf(entry)) };
  };
  const byToken = async (token: string): Promise<PathResponse> => show(await tokens.lookup(token), token);
  return [
    definePath({
      pattern: 'lookup-self',
      fields: { token: { type: 'string', description: 'Kept for compatibility.' } },
      synopsis: 'Shows the calling token.',
      read: async ({ token, clientToken }) => show(token, clientToken),
      write: async ({ token, clientToken }) => show(token, clientToken),
    }),
    definePath({
      pattern: 'lookup',
      fields: { token: { type: 'string', description: 'The token to show. Default: the calling token.' } },
      synopsis: 'Shows a token.',
      read: async ({ fields, clientToken }) => byToken(fields.token || clientToken),
      write: async ({ fields, clientToken }) => byToken(fields.token || clientToken),
    }),
    definePath({
      pattern: 'lookup-accessor',
      fields: { accessor: { type: 'string', required: true, description: "The token's accessor." } },
      synopsis: 'Shows the token with an accessor, but not the token itself.',
      write: async ({ fields }) => {
        const entry = await tokens.byAccessor(fields.accessor);
        if (entry === undefined) throw invalidAccessor();
        return show(entry, '');
      },
    }),
  ];
}
