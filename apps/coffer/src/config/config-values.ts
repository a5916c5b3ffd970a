import type { HclObject } from '@coffer/hcl';

/** 0 is the default, as in Vault. */
export function parseMaxRequestMs(object: HclObject, key: string): number | undefined {
  const seconds = object.duration(key);
  return seconds === undefined || seconds === 0 ? undefined : seconds * 1000;
}

export function defined<K extends string, V>(key: K, value: V | undefined): { [P in K]?: V } {
  return value === undefined ? {} : ({ [key]: value } as { [P in K]: V });
}
