import { CofferError } from '@coffer/base';
import type { SealControl } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { spendShares } from './spend-shares.ts';

/** `sys/init`: makes the keys of a new store. Answered without a token, and while sealed. */
export function initPaths(seal: Pick<SealControl, 'status' | 'init'>): Path[] {
  return [
    definePath({
      pattern: 'init',
      fields: {
        secret_shares: { type: 'integer', description: 'How many shares to split the unseal key into.' },
        secret_threshold: { type: 'integer', description: 'How many of the shares are needed to unseal.' },
        recovery_shares: {
          type: 'integer',
          description: 'How many shares to split the recovery key into, if the seal opens by itself.',
        },
        recovery_threshold: { type: 'integer', description: 'How many of the recovery shares are needed.' },
        stored_shares: { type: 'integer', description: 'Kept for compatibility.' },
        pgp_keys: { type: 'comma-strings', description: 'Not supported.' },
        recovery_pgp_keys: { type: 'comma-strings', description: 'Not supported.' },
        root_token_pgp_key: { type: 'string', description: 'Not supported.' },
      },
      unauthenticated: true,
      local: true,
      synopsis: 'Shows whether the store is initialized, or initializes it.',
      description:
        'A write creates the keys and the first root token, and is the only time they are shown. A seal of type "shamir" ' +
        'takes secret_shares and secret_threshold, and stays sealed; any other takes recovery_shares and ' +
        'recovery_threshold (5 and 3 by default), and opens at once.',
      read: async () => ({ shape: 'raw', data: { initialized: (await seal.status()).initialized } }),
      write: async ({ fields }) => {
        if (fields.pgp_keys?.length || fields.recovery_pgp_keys?.length || fields.root_token_pgp_key) {
          throw new CofferError('invalid-request', 'PGP keys are not supported: leave out the "pgp" fields');
        }
        const { recoverySeal: byItself, initialized, type } = await seal.status();
        requireOnly(fields, byItself ? 'secret' : 'recovery', type);
        if (initialized) throw new CofferError('invalid-request', 'Vault is already initialized');
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

/** In Vault's words (openbao/openbao:internal/http/sys_init.go, validateInitParameters). 0 is as if it were not given. */
function requireOnly(
  fields: Readonly<Record<`${'secret' | 'recovery'}_${'shares' | 'threshold'}`, number | undefined>>,
  others: 'secret' | 'recovery',
  sealType: string,
): void {
  const given = ([`${others}_shares`, `${others}_threshold`] as const).filter((name) => fields[name]);
  if (given.length === 0) return;
  throw new CofferError('invalid-request', `parameters ${given.join(',')} not applicable to seal type ${sealType}`);
}
