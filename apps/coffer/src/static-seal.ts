import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CofferError, errorText } from '@coffer/base';
import { parseStaticKey, type StaticKey, type StaticKeys } from '@coffer/core';
import type { StaticKeySource, StaticSealConfig } from './config/seal-config.ts';

type Environment = Record<string, string | undefined>;
type StaticKeySources = Pick<StaticSealConfig, 'current' | 'previous'>;

/**
 * Variables that hold a key are removed from the environment.
 * @throws CofferError `invalid-request` naming the file or variable that has no key
 */
export async function readStaticKeys(seal: StaticKeySources, env: Environment): Promise<StaticKeys> {
  const current = await readKey(seal.current, env);
  const previous = seal.previous && (await readKey(seal.previous, env));
  forgetStaticKeys(seal, env);
  return { current, ...(previous && { previous }) };
}

function forgetStaticKeys({ current, previous }: StaticKeySources, env: Environment): void {
  for (const { url } of [current, ...(previous ? [previous] : [])]) {
    const name = variableOf(url);
    if (name !== undefined) delete env[name];
  }
}

function variableOf(url: string): string | undefined {
  return url.startsWith('env://') ? url.slice('env://'.length) : undefined;
}

async function readKey({ id, url }: StaticKeySource, env: Environment): Promise<StaticKey> {
  try {
    const content = await readContent(url, env);
    const key = Uint8Array.from(parseStaticKey(content));
    content.fill(0);
    return { id, key };
  } catch (cause) {
    throw new CofferError('invalid-request', `seal "static": the key "${id}" (${url}): ${errorText(cause)}`, { cause });
  }
}

async function readContent(url: string, env: Environment): Promise<Uint8Array> {
  if (url.startsWith('file://')) return readFile(fileURLToPath(url));
  const name = variableOf(url) ?? '';
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} is not set`);
  return Buffer.from(value);
}
