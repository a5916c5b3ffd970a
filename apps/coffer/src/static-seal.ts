import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { CofferError, errorText } from '@coffer/base';
import { parseStaticKey, type StaticKey, type StaticSeal } from '@coffer/core';
import type { ServerConfig, StaticKeySource } from './server-config.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws CofferError `invalid-request` naming the file or variable that has no key */
export async function readStaticSeal(seal: NonNullable<ServerConfig['seal']>, env: Environment): Promise<StaticSeal> {
  const current = await readKey(seal.current, env);
  const previous = seal.previous && (await readKey(seal.previous, env));
  return { type: 'static', current, ...(previous && { previous }) };
}

async function readKey({ id, url }: StaticKeySource, env: Environment): Promise<StaticKey> {
  try {
    return { id, key: parseStaticKey(await readContent(url, env)) };
  } catch (cause) {
    throw new CofferError('invalid-request', `seal "static": the key "${id}" (${url}): ${errorText(cause)}`, { cause });
  }
}

async function readContent(url: string, env: Environment): Promise<Uint8Array> {
  if (url.startsWith('file://')) return readFile(fileURLToPath(url));
  const name = url.slice('env://'.length);
  const value = env[name];
  if (value === undefined || value === '') throw new Error(`the environment has no ${name}`);
  return Buffer.from(value);
}
