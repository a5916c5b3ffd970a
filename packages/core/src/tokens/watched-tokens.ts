import { type Metrics, timed, ttlBucket } from '@coffer/base';
import type { Mount, TokenStore } from '@coffer/framework';

/** Counts what is done with tokens. `mountOf`: the auth method whose path made one. */
export function watchedTokens(
  tokens: TokenStore,
  metrics: Metrics,
  mountOf: (path: string) => Pick<Mount, 'path' | 'type'> | undefined,
): TokenStore {
  return {
    ...tokens,
    async create(token) {
      const made = await timed(metrics, 'vault.token.create', () => tokens.create(token));
      const { path, creationTtl, type } = made.entry;
      const mount = mountOf(path);
      metrics.count('vault.token.creation', {
        ...{ auth_method: mount?.type ?? '', mount_point: mount?.path ?? '' },
        ...{ creation_ttl: ttlBucket(creationTtl), token_type: type },
      });
      return made;
    },
    lookup: (token) => timed(metrics, 'vault.token.lookup', () => tokens.lookup(token)),
    byAccessor: (accessor) => timed(metrics, 'vault.token.lookup', () => tokens.byAccessor(accessor)),
    revoke: (ids) => timed(metrics, 'vault.token.revoke', () => tokens.revoke(ids)),
    extend: (entry, expireTime) => timed(metrics, 'vault.expire.renew-token', () => tokens.extend(entry, expireTime)),
  };
}
