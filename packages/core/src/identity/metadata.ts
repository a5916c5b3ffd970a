import { CofferError } from '@coffer/base';

const MAX_PAIRS = 64;
const MAX_KEY = 128;
const MAX_VALUE = 512;
const RESERVED = 'vault-';

/**
 * Key/value pairs that say something of an entity, a group or an alias (hashicorp/vault:vault/identity_store_util.go validateMetadata).
 * `of`: `entity`.
 * @throws CofferError `failed` in Vault's words, but without the value, which its owner may not want in a log
 */
export function checkMetadata(metadata: Readonly<Record<string, string>> | null, of: string): void {
  const pairs = Object.entries(metadata ?? {});
  const refuse = (why: string): never => {
    throw new CofferError('failed', `invalid ${of} metadata: ${why}`);
  };
  if (pairs.length > MAX_PAIRS) refuse(`metadata cannot contain more than ${MAX_PAIRS} key/value pairs`);
  for (const [key, value] of pairs) {
    const flaw = flawOf(key, value);
    if (flaw !== undefined) refuse(`failed to load metadata pair ${JSON.stringify(key.slice(0, MAX_KEY))}: ${flaw}`);
  }
}

/**
 * What can be kept of the metadata of a login. Vault refuses the whole login; here what an auth method has always taken, as the
 * metadata of a secret id, keeps nobody out, and policies do not see it.
 */
export function fitMetadata(metadata: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> | null {
  const fit = Object.entries(metadata).filter(([key, value]) => flawOf(key, value) === undefined);
  return fit.length === 0 ? null : Object.fromEntries(fit.slice(0, MAX_PAIRS));
}

function flawOf(key: string, value: string): string | undefined {
  if (key === '') return 'key cannot be blank';
  if (!/^[a-zA-Z0-9=/+_-]+$/.test(key)) return 'key contains invalid characters';
  if (key.length > MAX_KEY) return `key is too long (limit: ${MAX_KEY} characters)`;
  if (key.startsWith(RESERVED)) return `key prefix "${RESERVED}" is reserved for internal use`;
  return Buffer.byteLength(value) > MAX_VALUE ? `value is too long (limit: ${MAX_VALUE} characters)` : undefined;
}

/** hashicorp/vault:sdk/helper/custommetadata. @throws CofferError `failed` */
export function checkCustomMetadata(metadata: Readonly<Record<string, string>> | null): void {
  const pairs = Object.entries(metadata ?? {});
  const refuse = (why: string): never => {
    throw new CofferError('failed', `custom_metadata validation failed: ${why}`);
  };
  if (pairs.length > MAX_PAIRS) refuse(`payload must contain at most ${MAX_PAIRS} keys, provided ${pairs.length}`);
  for (const [key, value] of pairs) {
    const shown = JSON.stringify(key.slice(0, MAX_KEY));
    const [keyLength, valueLength] = [Buffer.byteLength(key), Buffer.byteLength(value)];
    if (keyLength === 0 || keyLength > MAX_KEY) {
      refuse(`length of key ${shown} is ${keyLength} but must be 0 < len(key) <= ${MAX_KEY}`);
    }
    if (valueLength === 0 || valueLength > MAX_VALUE) {
      refuse(`length of value for key ${shown} is ${valueLength} but must be 0 < len(value) <= ${MAX_VALUE}`);
    }
    if (!isPrintable(key)) refuse(`key ${shown} contains unprintable characters`);
    if (!isPrintable(value)) refuse(`value for key ${shown} contains unprintable characters`);
  }
}

function isPrintable(text: string): boolean {
  return !/[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u.test(text);
}
