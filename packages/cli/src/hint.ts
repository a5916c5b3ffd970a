import { CofferError } from '@coffer/base';
import { ApiError } from '@coffer/client';
import type { Environment } from './flags.ts';
import { isKeyValuePath } from './no-value.ts';

/**
 * What to do about a failure whose words are Vault's, and do not say so. Undefined where nothing is known that the words leave out.
 *
 * @param program the name by which the user called this one
 */
export function hintFor(thrown: unknown, program: string, env: Environment): string | undefined {
  for (let error = thrown; error instanceof Error; error = error.cause) {
    if (error instanceof ApiError) return refusalHint(error, program);
    if (error instanceof CofferError && error.code === 'unavailable') return connectionHint(error.message, env);
  }
  return undefined;
}

function refusalHint({ status, url, errors, isAnonymous }: ApiError, program: string): string | undefined {
  const path = new URL(url).pathname;
  const login = /^\/v1\/auth\/(.+)\/login(?:\/|$)/.exec(path)?.[1];
  if (status === 403 && login !== undefined) {
    return `There may be no auth method at "${login}/". To list the enabled ones, an operator can run "${program} auth list".`;
  }
  if (status === 403 && isAnonymous) return `No token was sent. Set VAULT_TOKEN, or run "${program} login".`;
  if (status !== 404 || !errors.some((text) => text.startsWith('no handler for route'))) return undefined;
  if (path.startsWith('/v1/v1/')) return 'Remove "/v1" from the end of the address: it is added automatically.';
  const kv = isKeyValuePath(path.slice('/v1/'.length)) ? ' There is no key-value engine here.' : '';
  return `Nothing is enabled at this path.${kv} See "${program} secrets list" and "${program} auth list".`;
}

function connectionHint(message: string, env: Environment): string | undefined {
  if (message.endsWith('connection refused') && message.includes('"https://127.0.0.1:8200/') && !env['VAULT_ADDR']) {
    return 'VAULT_ADDR is not set, so this is the default address. A server started with -dev is at http://127.0.0.1:8200.';
  }
  if (message.endsWith('signed by unknown authority')) {
    return 'Set -ca-cert or VAULT_CACERT to the file with the CA certificate that signed it.';
  }
  return undefined;
}
