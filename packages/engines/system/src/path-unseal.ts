import { CofferError } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import { type SealControl, withShare } from '@coffer/core';
import { requesterOf } from './requester.ts';
import { sealStatusView, type ServerInfo } from './path-status.ts';

/** `sys/unseal`: one share a request. */
export function unsealPaths(server: ServerInfo, seal: SealControl): Path[] {
  return [
    definePath({
      pattern: 'unseal',
      fields: {
        key: { type: 'string', description: 'One share, in hexadecimal or base64.' },
        reset: { type: 'boolean', description: 'Forget the shares handed in so far.' },
        migrate: { type: 'boolean', description: 'Not supported.' },
      },
      unauthenticated: true,
      synopsis: 'Hands in one share of the unseal key.',
      write: async (request) => {
        const { fields } = request;
        if (fields.migrate) throw new CofferError('invalid-request', 'a seal cannot be migrated to another type yet');
        if (fields.reset) seal.resetUnseal(requesterOf(request));
        else if (fields.key) await withShare(fields.key, (share) => seal.unseal(share, requesterOf(request)));
        else {
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
