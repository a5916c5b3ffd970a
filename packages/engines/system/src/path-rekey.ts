import { CofferError } from '@coffer/base';
import { definePath, type Path, type PathResponse } from '@coffer/framework';
import { type RekeyControl, type RekeyStatus, type SealControl, withShare } from '@coffer/core';
import { requesterOf } from './requester.ts';
import { spendShares } from './spend-shares.ts';

/** Whoever can start or cancel an attempt can keep the holders of the shares from ever finishing one. */
const AUTHORITY = { sudo: true, openAs: 'rekey' } as const;
const OPENED = 'Needs no token if the configuration has `enable_unauthenticated_access = ["rekey"]`.';

/**
 * `sys/rekey/...` and `sys/rekey-recovery-key/...`: new shares for old ones. The authority lies in the shares; the token only
 * says who may collect them.
 */
export function rekeyPaths({ rekey, rekeyRecovery }: Pick<SealControl, 'rekey' | 'rekeyRecovery'>): Path[] {
  return [
    ...pathsOf(rekey, {
      prefix: 'rekey',
      key: 'current key',
      init:
        'Starts, shows or cancels the replacement of the unseal shares. Where the seal opens by itself, the ' +
        'holders of the recovery key replace the root key this way, and nobody gets shares.',
    }),
    ...pathsOf(rekeyRecovery, {
      prefix: 'rekey-recovery-key',
      key: 'current recovery key',
      init: 'Starts, shows or cancels the replacement of the recovery key shares, where the seal opens by itself.',
    }),
  ];
}

function pathsOf(control: RekeyControl, about: { prefix: string; key: string; init: string }): Path[] {
  const view = ({ started, nonce, shares, threshold, progress, required }: RekeyStatus): PathResponse => {
    return {
      shape: 'raw',
      data: {
        nonce,
        started,
        t: threshold,
        n: shares,
        progress,
        required,
        pgp_fingerprints: null,
        backup: false,
        verification_required: false,
      },
    };
  };
  const status = async (): Promise<PathResponse> => view(await control.status());
  return [
    definePath({
      pattern: `${about.prefix}/init`,
      fields: {
        secret_shares: { type: 'integer', description: 'How many shares to split the new key into.' },
        secret_threshold: { type: 'integer', description: 'How many of the new shares will be needed.' },
        require_verification: { type: 'boolean', description: 'Not supported.' },
        pgp_keys: { type: 'comma-strings', description: 'Not supported.' },
        backup: { type: 'boolean', description: 'Not supported.' },
        nonce: { type: 'string', description: 'Kept for compatibility.' },
        stored_shares: { type: 'integer', description: 'Kept for compatibility.' },
      },
      ...AUTHORITY,
      synopsis: about.init,
      description: OPENED,
      read: status,
      write: async (request) => {
        const { fields } = request;
        if (fields.require_verification || fields.backup || fields.pgp_keys?.length) {
          throw new CofferError('invalid-request', 'verification, backup and PGP keys are not supported for a rekey');
        }
        const counts = { shares: fields.secret_shares ?? 0, threshold: fields.secret_threshold ?? 0 };
        return view(await control.start(counts, requesterOf(request)));
      },
      delete: async (request) => {
        await control.status();
        await control.cancel(requesterOf(request));
        return undefined;
      },
    }),
    definePath({
      pattern: `${about.prefix}/update`,
      fields: {
        key: { type: 'string', required: true, description: `One share of the ${about.key}.` },
        nonce: { type: 'string', required: true, description: 'The nonce that the start returned.' },
      },
      ...AUTHORITY,
      synopsis: `Enters one share of the ${about.key}. The response to the last one has the new shares.`,
      description: OPENED,
      write: async (request) => {
        const { key, nonce } = request.fields;
        const shares = await withShare(key, (share) => control.update(share, nonce, requesterOf(request)));
        if (shares === undefined) return status();
        const { hex, base64 } = spendShares(shares);
        return {
          shape: 'raw',
          data: {
            nonce,
            complete: true,
            keys: hex,
            keys_base64: base64,
            pgp_fingerprints: null,
            backup: false,
            verification_required: false,
          },
        };
      },
    }),
  ];
}
