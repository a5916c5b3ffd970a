import { CofferError, randomBase62, type JsonObject } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import { type GenerateRootStatus, type SealControl, withShare } from '@coffer/core';
import { requesterOf } from './requester.ts';

/** Whoever can start or cancel an attempt can keep the holders of the shares from ever finishing one. */
const AUTHORITY = { sudo: true, openAs: 'generate-root' } as const;
const OPENED = 'Needs no token if the configuration has `enable_unauthenticated_access = ["generate-root"]`.';

/** `sys/generate-root/attempt`, `sys/generate-root/update`: the holders of the shares make a root token. */
export function generateRootPaths(generateRoot: SealControl['generateRoot']): Path[] {
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
        otp: { type: 'string', description: 'One-time password of otp_length characters. Generated when absent.' },
        pgp_key: { type: 'string', description: 'Not supported.' },
      },
      ...AUTHORITY,
      synopsis: 'Starts, shows or cancels the generation of a root token.',
      description: OPENED,
      read: async () => ({ shape: 'raw', data: view(await generateRoot.status()) }),
      write: async (request) => {
        const { fields } = request;
        if (fields.pgp_key) throw new CofferError('invalid-request', 'field "pgp_key": not supported; use "otp"');
        const made = fields.otp ? '' : randomBase62((await generateRoot.status()).otpLength);
        return { shape: 'raw', data: view(await generateRoot.start(fields.otp || made, requesterOf(request)), made) };
      },
      delete: async (request) => {
        await generateRoot.status();
        await generateRoot.cancel(requesterOf(request));
        return undefined;
      },
    }),
    definePath({
      pattern: 'generate-root/update',
      fields: {
        key: { type: 'string', required: true, description: 'One share.' },
        nonce: { type: 'string', required: true, description: 'The nonce that the start returned.' },
      },
      ...AUTHORITY,
      synopsis: 'Enters one share. The response to the last one has the token, encoded with the one-time password.',
      description: OPENED,
      write: async (request) => {
        const { key, nonce } = request.fields;
        const update = (share: Uint8Array) => generateRoot.update(share, nonce, requesterOf(request));
        return { shape: 'raw', data: view(await withShare(key, update)) };
      },
    }),
  ];
}
