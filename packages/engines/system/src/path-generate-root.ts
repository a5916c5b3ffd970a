import { CofferError, randomBase62, type JsonObject } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import { type GenerateRootStatus, type SealControl, withShare } from '@coffer/core';
import { requesterOf } from './requester.ts';

/** Whoever can begin or cancel can keep the holders of the shares from ever ending. */
const AUTHORITY = { sudo: true, openAs: 'generate-root' } as const;
const OPENED = 'Without a token where the configuration says `enable_unauthenticated_access = ["generate-root"]`.';

/** `sys/generate-root/attempt`, `sys/generate-root/update`: a root token by the holders of the shares. */
export function generateRootPaths(seal: SealControl): Path[] {
  const view = (status: GenerateRootStatus, otp = ''): JsonObject => ({
    nonce: status.nonce,
    started: status.started,
    progress: status.progress,
    required: status.required,
    complete: status.complete,
    encoded_token: status.encodedToken,
    encoded_root_token: status.encodedToken,
    pgp_fingerprint: '',
    otp,
    otp_length: status.otpLength,
  });
  return [
    definePath({
      pattern: 'generate-root/attempt',
      fields: {
        otp: { type: 'string', description: 'One-time password, as long as otp_length says. Made when absent.' },
        pgp_key: { type: 'string', description: 'Not supported.' },
      },
      ...AUTHORITY,
      synopsis: 'Begins, shows or cancels the making of a root token.',
      description: OPENED,
      read: async () => ({ shape: 'raw', data: view(await seal.generateRoot.status()) }),
      write: async (request) => {
        const { fields } = request;
        if (fields.pgp_key) throw new CofferError('invalid-request', 'field "pgp_key": not supported; use "otp"');
        const made = fields.otp ? '' : randomBase62((await seal.generateRoot.status()).otpLength);
        await seal.generateRoot.start(fields.otp || made, requesterOf(request));
        return { shape: 'raw', data: view(await seal.generateRoot.status(), made) };
      },
      delete: async (request) => {
        await seal.generateRoot.status();
        seal.generateRoot.cancel(requesterOf(request));
        return undefined;
      },
    }),
    definePath({
      pattern: 'generate-root/update',
      fields: {
        key: { type: 'string', required: true, description: 'One share.' },
        nonce: { type: 'string', required: true, description: 'The nonce that the start gave.' },
      },
      ...AUTHORITY,
      synopsis: 'Hands in one share. The last one is answered with the token, encoded with the one-time password.',
      description: OPENED,
      write: async (request) => {
        const { key, nonce } = request.fields;
        const update = (share: Uint8Array) => seal.generateRoot.update(share, nonce, requesterOf(request));
        return { shape: 'raw', data: view(await withShare(key, update)) };
      },
    }),
  ];
}
