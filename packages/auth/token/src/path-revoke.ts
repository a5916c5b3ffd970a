import { CofferError } from '@coffer/base';
import { definePath, isBatchToken, type Path, type TokenEntry, type TokenStore } from '@coffer/framework';

/** `auth/token/revoke`, `revoke-self`, `revoke-accessor`, `revoke-orphan`. */
export function revokePaths(tokens: TokenStore): Path[] {
  const TOKEN = { type: 'string', required: true, description: 'The token to revoke.' } as const;
  return [
    definePath({
      pattern: 'revoke-self',
      fields: {},
      otherFields: 'accept',
      synopsis: 'Revokes the calling token, its children and their leases.',
      write: async ({ token }) => {
        if (token === undefined) return undefined;
        refuseBatch(token);
        await tokens.revoke(token.id);
        return undefined;
      },
    }),
    definePath({
      pattern: 'revoke',
      fields: { token: TOKEN },
      synopsis: 'Revokes a token, its children and their leases.',
      write: async ({ fields }) => {
        if (isBatchToken(fields.token)) refuseBatch(await tokens.lookup(fields.token));
        await tokens.revoke(tokens.idOf(fields.token));
        return undefined;
      },
    }),
    definePath({
      pattern: 'revoke-orphan',
      fields: { token: TOKEN },
      sudo: true,
      synopsis: 'Revokes a token and its leases, but not its children: they become orphans.',
      write: async ({ fields }) => {
        const found = await tokens.lookup(fields.token);
        if (found === undefined) throw new CofferError('invalid-request', 'token to revoke not found');
        refuseBatch(found);
        await tokens.revokeOrphaning(tokens.idOf(fields.token));
        return undefined;
      },
    }),
    definePath({
      pattern: 'revoke-accessor',
      fields: { accessor: { type: 'string', required: true, description: "The token's accessor." } },
      synopsis: 'Revokes the token with an accessor, its children and their leases.',
      write: async ({ fields, warnings }) => {
        const id = await tokens.idOfAccessor(fields.accessor);
        if (id === undefined) warnings.push('No token found with this accessor');
        else await tokens.revoke(id);
        return undefined;
      },
    }),
  ];
}

/** Nothing of it is stored that could be taken away: it ends with its time, or with its parent. */
function refuseBatch(token: TokenEntry | undefined): void {
  if (token?.type === 'batch') throw new CofferError('invalid-request', 'batch tokens cannot be revoked');
}
