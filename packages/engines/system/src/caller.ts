import type { Caller, PathRequest } from '@coffer/core';

/** Who asks, for the log of what is done to the seal. */
export function callerOf({ remoteAddress, token }: Pick<PathRequest, 'remoteAddress' | 'token'>): Caller {
  return { remoteAddress, ...(token && { accessor: token.accessor }) };
}
