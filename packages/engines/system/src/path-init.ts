import { CofferError } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import type { SealControl } from '@coffer/core';

/** `sys/init`: makes the keys of a new store. */
export function initPaths(seal: SealControl): Path[] {
  return [
    definePath({
      pattern: 'init',
      fields: {
        secret_shares: { type: 'integer', description: 'Into how many shares the unseal key is split.' },
        secret_threshold: { type: 'integer', description: 'How many shares unseal.' },
        recovery_shares: { type: 'integer', description: 'The same for the recovery key of a seal that opens itself.' },
        recovery_threshold: { type: 'integer', description: 'How many recovery shares it takes.' },
        stored_shares: { type: 'integer', description: 'Kept for compatibility.' },
        pgp_keys: { type: 'comma-strings', description: 'Not supported.' },
        recovery_pgp_keys: { type: 'comma-strings', description: 'Not supported.' },
        root_token_pgp_key: { type: 'string', description: 'Not supported.' },
      },
      unauthenticated: true,
      synopsis: 'Shows whether the store is initialized, or initializes it.',
      description:
        'A write makes the keys and the first root token, and is the only time that they are shown. A seal of type ' +
        '"shamir" takes secret_shares and secret_threshold, and stays sealed; one of type "static" takes recovery_shares ' +
        'and recovery_threshold (5 and 3), and opens at once.',
      read: async () => ({ shape: 'raw', data: { initialized: (await seal.status()).initialized } }),
      write: async ({ fields }) => {
        if (fields.pgp_keys?.length || fields.recovery_pgp_keys?.length || fields.root_token_pgp_key) {
          throw new CofferError('invalid-request', 'PGP keys are not supported: leave out the "pgp" fields');
        }
        const { type, initialized } = await seal.status();
        if (initialized) throw new CofferError('invalid-request', 'Vault is already initialized');
        const byItself = type === 'static';
        const made = await seal.init(
          byItself
            ? { recovery: { shares: fields.recovery_shares ?? 5, threshold: fields.recovery_threshold ?? 3 } }
            : { unseal: { shares: fields.secret_shares ?? 0, threshold: fields.secret_threshold ?? 0 } },
        );
        const unseal = spendShares(made.unsealShares);
        const recovery = spendShares(made.recoveryShares);
        return {
          shape: 'raw',
          data: {
            keys: unseal.hex,
            keys_base64: unseal.base64,
            ...(byItself && { recovery_keys: recovery.hex, recovery_keys_base64: recovery.base64 }),
            root_token: made.rootToken.reveal(),
          },
        };
      },
    }),
  ];
}

/** Shares as they are answered, once: they are wiped. */
export function spendShares(shares: readonly Uint8Array[]): { readonly hex: string[]; readonly base64: string[] } {
  const encode = (encoding: 'hex' | 'base64'): string[] =>
    shares.map(({ buffer, byteOffset, length }) => Buffer.from(buffer, byteOffset, length).toString(encoding));
  const encoded = { hex: encode('hex'), base64: encode('base64') };
  for (const share of shares) share.fill(0);
  return encoded;
}
