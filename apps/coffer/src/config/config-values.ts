import { CofferError, parseGoBoolean } from '@coffer/base';
import type { HclObject } from '@coffer/hcl';

/** 0 is the default, as in Vault. */
export function parseMaxRequestMs(object: HclObject, key: string): number | undefined {
  const seconds = object.duration(key);
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1000;
}

export function defined<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is on or off, as Go reads it; undefined where it is not set. @throws CofferError `invalid-request` for any other value */
export function environmentSwitch(env: Environment, name: string): boolean | undefined {
  const text = env[name] ?? '';
  if (text === '') return undefined;
  const value = parseGoBoolean(text);
  if (value !== undefined) return value;
  throw new CofferError('invalid-request', `Error parsing the environment variable ${name}: it must be true or false`);
}
