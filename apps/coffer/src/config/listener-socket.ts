import { isAbsolute } from 'node:path';
import type { HclObject } from '@coffer/hcl';
import { MAX_SOCKET_PATH_BYTES, type UnixSocket } from '@coffer/http';
import { defined } from './config-values.ts';

export const DEFAULT_SOCKET = '/run/vault.sock';

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseSocket(body: HclObject): UnixSocket {
  const path = body.string('address') ?? DEFAULT_SOCKET;
  if (!isAbsolute(path)) {
    throw body.error(
      '"address" must be the absolute path of a socket, as in "/run/coffer/coffer.sock"',
      body.attribute('address'),
    );
  }
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    throw body.error(`"address" is longer than ${MAX_SOCKET_PATH_BYTES} bytes`, body.attribute('address'));
  }
  return {
    path,
    ...defined('mode', parseMode(body)),
    ...defined('user', body.string('socket_user') || undefined),
    ...defined('group', body.string('socket_group') || undefined),
  };
}

/** Octal, as chmod(1) takes it. */
function parseMode(body: HclObject): number | undefined {
  const value = body.attribute('socket_mode');
  if (value === undefined) return undefined;
  const digits = value.kind === 'string' ? value.value : value.kind === 'number' ? value.text : '';
  if (digits === '') return undefined;
  if (/^0?[0-7]{1,3}$/.test(digits)) return Number.parseInt(digits, 8);
  throw body.error('"socket_mode" must be permissions in octal, as in "0660"', value);
}
