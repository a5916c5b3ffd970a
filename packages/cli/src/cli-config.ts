import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { CofferError } from '@coffer/base';
import { parseHcl } from '@coffer/hcl';
import { errorCode, fileReason } from './file.ts';
import type { Environment } from './flags.ts';

/** Whose HOME it is that holds `.vault` and `.vault-token`. */
export function homeOf(env: Environment): string {
  return env['HOME'] || homedir();
}

/** The program that keeps the token, and the file that says so. */
export interface ConfiguredHelper {
  readonly program: string;
  readonly configPath: string;
}

/**
 * What `~/.vault`, or the file that VAULT_CONFIG_PATH names, says in `token_helper` (vault:api/cliconfig/config.go). Undefined when it
 * says nothing, or is not there. The variable also names the configuration of a server: such a file is none of the command line.
 *
 * @throws CofferError `invalid-request` naming the file
 */
export async function configuredTokenHelper(env: Environment): Promise<ConfiguredHelper | undefined> {
  const configPath = (env['VAULT_CONFIG_PATH'] || '~/.vault').replace(/^~(?=\/|$)/, () => homeOf(env));
  const text = await readConfig(configPath);
  if (text === undefined) return undefined;
  try {
    const config = parseHcl(text, configPath);
    if (config.items.some(({ keys: [key] }) => key === 'listener' || key === 'storage')) return undefined;
    config.allowOnly(['token_helper']);
    const program = config.string('token_helper');
    return program ? { program: resolve(program), configPath } : undefined;
  } catch (thrown) {
    const { message } = CofferError.from(thrown);
    throw new CofferError(
      'invalid-request',
      `${message}\nThis file may contain only token_helper = "/path". If it belongs to another program, such as ` +
        `Ansible Vault, set VAULT_CONFIG_PATH to the path of yours.`,
      { cause: thrown },
    );
  }
}

async function readConfig(path: string): Promise<string | undefined> {
  try {
    return await readFile(resolve(path), 'utf8');
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(thrown))) return undefined;
    throw new CofferError('failed', `open ${join(path)}: ${fileReason(thrown)}`, { cause: thrown });
  }
}
