import type { JsonObject } from '@coffer/base';
import type { LineFormat } from './event.ts';
import { type Hash, hashData } from './hash.ts';

/** How a device writes what must not be read by everybody. */
export interface Words {
  readonly hash: Hash;
  /** A token, or what else is as good as one; empty stays empty. */
  secret(value: string): string;
  accessor(value: string): string;
  /** The data of a request or an answer. `open`: names of fields that the mount has tuned to be shown. */
  data(data: JsonObject, open: readonly string[] | undefined): Promise<JsonObject>;
}

export function createWords({ logRaw, hmacAccessor }: LineFormat, hash: Hash): Words {
  const secret = (value: string): string => (logRaw || value === '' ? value : hash(value));
  return {
    hash,
    secret,
    accessor: (value) => (hmacAccessor ? secret(value) : value),
    data: async (data, open) => (logRaw ? data : hashData(data, hash, open)),
  };
}
