import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError, randomBase62, Secret } from '@coffer/base';
import { configuredTokenHelper, homeOf } from './cli-config.ts';
import { externalTokenHelper } from './external-token-helper.ts';
import { errorCode, fileReason } from './file.ts';
import type { Environment } from './flags.ts';

/** Keeps the token between commands. */
export interface TokenHelper {
  /** `undefined` when nothing is stored. */
  read(): Promise<Secret | undefined>;
  store(token: Secret): Promise<void>;
}

/**
 * The program that `~/.vault` names, or else `~/.vault-token`, the file that Vault's tools share. Both methods throw CofferError
 * `failed` when it cannot be used, `invalid-request` when `~/.vault` is wrong.
 */
export function createTokenHelper(env: Environment): TokenHelper {
  const chosen = async () => {
    const configured = await configuredTokenHelper(env);
    return configured === undefined ? fileTokenHelper(env) : externalTokenHelper(configured, env);
  };
  return {
    read: async () => (await chosen()).read(),
    store: async (token) => (await chosen()).store(token),
  };
}

function fileTokenHelper(env: Environment): TokenHelper {
  const path = join(homeOf(env), '.vault-token');
  return {
    async read() {
      try {
        const token = (await readFile(path, 'utf8')).trim();
        return token === '' ? undefined : new Secret(token);
      } catch (thrown) {
        if (errorCode(thrown) === 'ENOENT') return undefined;
        throw new CofferError('failed', `open ${path}: ${fileReason(thrown)}`, { cause: thrown });
      }
    },
    async store(token) {
      // A new file renamed over the old one: owner and mode are right whatever was there, and a failure damages nothing.
      const temporary = `${path}.${randomBase62(8)}.tmp`;
      try {
        const file = await open(temporary, 'wx', 0o600);
        try {
          await file.writeFile(token.reveal());
        } finally {
          await file.close();
        }
        await rename(temporary, path);
      } catch (thrown) {
        await rm(temporary, { force: true });
        throw new CofferError('failed', `open ${path}: ${fileReason(thrown)}`, { cause: thrown });
      }
    },
  };
}
