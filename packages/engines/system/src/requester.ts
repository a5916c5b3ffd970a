import type { Requester } from '@coffer/core';
import type { PathRequest } from '@coffer/framework';

/** Who is asking, for the log of what is done to the seal. */
export function requesterOf({ remoteAddress, token }: Pick<PathRequest, 'remoteAddress' | 'token'>): Requester {
  return { remoteAddress, ...(token && { accessor: token.accessor }) };
}
