import { CofferError } from '@coffer/base';
import {
  authView,
  definePath,
  invalidAccessor,
  type Path,
  type PathRequest,
  type PathResponse,
  type TokenEntry,
} from '@coffer/framework';
import type { TokenAuthOptions } from './token-auth-options.ts';

const INCREMENT = { type: 'duration', default: 0, description: 'TTL from now. 0: the default.' } as const;

/** `auth/token/renew`, `renew-self`, `renew-accessor`. */
export function renewPaths({ tokens, engineFor, identityPoliciesOf }: TokenAuthOptions): Path[] {
  const renew = async (
    entry: TokenEntry | undefined,
    token: string,
    increment: number,
    request: Pick<PathRequest, 'clientCertificates'>,
  ): Promise<PathResponse> => {
    if (entry === undefined) throw new CofferError('invalid-request', 'token not found');
    if (entry.type === 'batch') throw new CofferError('invalid-request', 'batch tokens cannot be renewed');
    // The method that issued the token says what its renewal may have: a role or user may have changed since.
    const method = engineFor(entry.path);
    if (!entry.renewable || entry.expireTime === null || method?.renewToken === undefined) {
      throw new CofferError('invalid-request', 'lease is not renewable');
    }
    const { ttl, warnings } = await method.renewToken(entry, increment, request);
    await tokens.extend(entry, Date.now() + ttl * 1000);
    const identityPolicies = await identityPoliciesOf(entry);
    return { data: null, auth: authView({ entry, token, leaseSeconds: ttl, identityPolicies }), warnings };
  };
  return [
    definePath({
      pattern: 'renew-self',
      fields: { increment: INCREMENT, token: { type: 'string', description: 'Kept for compatibility.' } },
      synopsis: 'Renews the calling token.',
      // Its last use ends it, whatever its time is then.
      write: async ({ fields, token, clientToken, ...request }) =>
        renew(token?.usesLeft === 1 ? undefined : token, clientToken, fields.increment, request),
    }),
    definePath({
      pattern: 'renew',
      fields: {
        increment: INCREMENT,
        token: { type: 'string', description: 'The token. Default: the calling token.' },
      },
      synopsis: 'Renews a token.',
      write: async ({ fields, clientToken, ...request }) => {
        const token = fields.token ?? clientToken;
        return renew(await tokens.lookup(token), token, fields.increment, request);
      },
    }),
    definePath({
      pattern: 'renew-accessor',
      fields: {
        increment: INCREMENT,
        accessor: { type: 'string', required: true, description: "The token's accessor." },
      },
      synopsis: 'Renews the token with an accessor.',
      write: async ({ fields, ...request }) => {
        const entry = await tokens.byAccessor(fields.accessor);
        if (entry === undefined) throw invalidAccessor();
        return renew(entry, '', fields.increment, request);
      },
    }),
  ];
}
