import { CofferError, trimEndOf } from '@coffer/base';

export const LEASE_ID = { type: 'string', description: 'The lease id.' } as const;
export const PREFIX = {
  type: 'string',
  required: true,
  description: 'The prefix of the lease ids: "database/creds".',
} as const;

/** @throws CofferError `invalid-request` when it is missing from URL and body */
export function requireId(id: string | undefined): string {
  if (id === undefined || id === '') throw new CofferError('invalid-request', 'lease_id must be specified');
  return id;
}

/** With its slash, so that `database/creds/a` does not stand for `database/creds/ab`. */
export function leasePrefix(prefix: string): string {
  return `${trimEndOf(prefix, '/')}/`;
}
