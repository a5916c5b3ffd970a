import { CofferError } from '@coffer/base';

/** The answer of everything that needs a key while there is none. */
export function sealed(): CofferError {
  return new CofferError('sealed', 'Vault is sealed');
}
