import type { SealControl } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';
import { requesterOf } from './requester.ts';

/** `sys/seal`. */
export function sealPaths(seal: Pick<SealControl, 'seal' | 'openNodes' | 'sealAll'>): Path[] {
  return [
    definePath({
      pattern: 'seal',
      fields: {
        all: {
          type: 'boolean',
          description: 'Whether to seal every node of the store instead of only this one. Default: false.',
        },
      },
      sudo: true,
      synopsis: 'Seals the server: its keys are removed from memory.',
      description:
        'If other nodes are open, a warning names them. With `all`, the response has the addresses of the nodes that are ' +
        'sealed, and of those that did not confirm it within 10 seconds.',
      write: async (request) => {
        if (request.fields.all === true) {
          const { sealed, notHeard } = await seal.sealAll(requesterOf(request));
          const missing = `no answer within 10 s; these nodes seal before they serve another request: ${notHeard.join(', ')}`;
          return {
            data: { sealed: [...sealed], not_heard: [...notHeard] },
            ...(notHeard.length > 0 && { warnings: [missing] }),
          };
        }
        const others = await seal.openNodes();
        seal.seal(requesterOf(request));
        if (others.length === 0) return undefined;
        return { warnings: [`only this node is sealed. Other nodes are unsealed: ${others.join(', ')}`] };
      },
    }),
  ];
}
