import type { ApiError } from '@coffer/client';
import { type CommandFailure, serverFailure } from './failure.ts';

/** Where people have Vault's key-value engine: `secret/app`, `kv/app`, and in its second version `any/data/app`. */
const KEY_VALUE_PATH = /^(?:(?:secret|kv)(?:\/|$)|[^/]+\/(?:data|metadata)(?:\/|$))/;

export function isKeyValuePath(path: string): boolean {
  return KEY_VALUE_PATH.test(path);
}

/**
 * What a read or a list says where nothing is, which is all that Vault says even where nothing is enabled. Why it is so follows only
 * where somebody looks for an engine that is not here.
 */
export function noValueAt(path: string, refusal: ApiError | undefined): CommandFailure {
  return serverFailure(`No value found at ${path}`, isKeyValuePath(path) ? refusal : undefined);
}
