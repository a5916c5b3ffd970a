import { CofferError } from '@coffer/base';
import { type SealControl, withShare } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { requesterOf } from './requester.ts';
import { sealStatusView } from './seal-status-view.ts';
import type { ServerInfo } from './server-info.ts';

/** `sys/unseal`: one share per request. Answered without a token, and while sealed. */
export function unsealPaths(
  server: ServerInfo,
  seal: Pick<SealControl, 'status' | 'unseal' | 'unsealAndMigrate' | 'resetUnseal'>,
): Path[] {
  return [
    definePath({
      pattern: 'unseal',
      fields: {
        key: { type: 'string', description: 'One share, in hexadecimal or base64.' },
        reset: { type: 'boolean', description: 'Discard the shares entered so far.' },
        migrate: {
          type: 'boolean',
          description: 'The share belongs to the seal that the store has: migrate it to the configured one.',
        },
      },
      unauthenticated: true,
      local: true,
      synopsis: 'Enters one share of the unseal key.',
      write: async (request) => {
        const { fields } = request;
        if (fields.reset) seal.resetUnseal(requesterOf(request));
        else if (fields.key) {
          const unseal = fields.migrate ? seal.unsealAndMigrate : seal.unseal;
          await withShare(fields.key, (share) => unseal.call(seal, share, requesterOf(request)));
        } else {
          throw new CofferError(
            'invalid-request',
            "'key' must be specified in request body as JSON, or 'reset' set to true",
          );
        }
        return { shape: 'raw', data: sealStatusView(server, await seal.status()) };
      },
    }),
  ];
}
