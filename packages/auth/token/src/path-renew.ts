import { CofferError } from '@coffer/base';
import {
  type CoreServices,
  definePath,
  grantTtl,
  type Path,
  type PathResponse,
  type TokenEntry,
  type TtlLimits,
} from '@coffer/core';
import { authView } from './token-view.ts';

const INCREMENT = { type: 'duration', default: 0, description: 'TTL from now; the default when 0.' } as const;

/** `auth/token/renew`, `renew-self`, `renew-accessor`. */
export function renewPaths({ tokens }: CoreServices, ttlLimits: () => readonly TtlLimits[]): Path[] {
  const renew = async (entry: TokenEntry | undefined, token: string, increment: number): Promise<PathResponse> => {
    if (entry === undefined) throw new CofferError('permission-denied', 'bad token');
    if (!entry.renewable || entry.expireTime === null) {
      throw new CofferError('invalid-request', 'lease is not renewable');
    }
    const now = Date.now();
    const { ttl, warnings } = grantTtl({
      increment: entry.period || increment || entry.creationTtl,
      limits: [{ defaultTtl: 0, maxTtl: entry.explicitMaxTtl }, ...ttlLimits()],
      // The system's maximum does not bound a periodic token; its explicit maximum does.
      issueTime: entry.period > 0 && entry.explicitMaxTtl === 0 ? now : entry.creationTime,
      now,
    });
    await tokens.extend(entry.id, now + ttl * 1000);
    return { data: null, auth: authView(entry, token, ttl), warnings };
  };
  return [
    definePath({
      pattern: 'renew-self',
      fields: { increment: INCREMENT, token: { type: 'string', description: 'Kept for compatibility.' } },
      synopsis: 'Renews the calling token.',
      write: async ({ fields, token, clientToken }) => renew(token, clientToken, fields.increment),
    }),
    definePath({
      pattern: 'renew',
      fields: {
        increment: INCREMENT,
        token: { type: 'string', description: 'The token; the calling one when absent.' },
      },
      synopsis: 'Renews a token.',
      write: async ({ fields, clientToken }) => {
        const token = fields.token ?? clientToken;
        return renew(await tokens.lookup(token), token, fields.increment);
      },
    }),
    definePath({
      pattern: 'renew-accessor',
      fields: {
        increment: INCREMENT,
        accessor: { type: 'string', required: true, description: "The token's accessor." },
      },
      synopsis: 'Renews the token of an accessor.',
      write: async ({ fields }) => renew(await tokens.byAccessor(fields.accessor), '', fields.increment),
    }),
  ];
}
