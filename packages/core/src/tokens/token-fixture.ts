import type { NewToken } from '@coffer/framework';

/** A token for tests, valid for an hour. */
export function hourToken(rest: Partial<NewToken>): NewToken {
  return {
    parent: '',
    displayName: 'token',
    policies: ['default'],
    path: 'auth/token/create',
    meta: null,
    creationTime: Date.now(),
    creationTtl: 3600,
    expireTime: Date.now() + 3_600_000,
    explicitMaxTtl: 0,
    period: 0,
    numUses: 0,
    renewable: true,
    ...rest,
  };
}
