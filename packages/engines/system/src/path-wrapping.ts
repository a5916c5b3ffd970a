import { CofferError, formatTime } from '@coffer/base';
import type { Wrapping } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

const TOKEN = { type: 'string', description: 'The wrapping token. Default: the calling token.' } as const;

/** `sys/wrapping/wrap`, `unwrap`, `lookup`, `rewrap`. */
export function wrappingPaths(wrapping: Wrapping): Path[] {
  return [
    definePath({
      pattern: 'wrapping/wrap',
      fields: {},
      otherFields: 'accept',
      synopsis: 'Wraps the data of the request. X-Vault-Wrap-TTL sets the TTL.',
      write: async ({ data, wrapTtl }) => {
        if (wrapTtl === 0) {
          throw new CofferError(
            'invalid-request',
            'endpoint requires response wrapping to be used: send X-Vault-Wrap-TTL',
          );
        }
        return { data };
      },
    }),
    definePath({
      pattern: 'wrapping/unwrap',
      fields: { token: TOKEN },
      takesWrappingToken: true,
      synopsis: 'Returns the response behind a wrapping token. This works once.',
      write: ({ fields, clientToken }) => wrapping.unwrap(fields.token ?? clientToken),
    }),
    definePath({
      pattern: 'wrapping/lookup',
      fields: { token: TOKEN },
      unauthenticated: true,
      synopsis: 'Shows which request a wrapped response belongs to, without unwrapping it.',
      read: ({ fields, clientToken }) => lookup(fields.token ?? clientToken),
      write: ({ fields, clientToken }) => lookup(fields.token ?? clientToken),
    }),
    definePath({
      pattern: 'wrapping/rewrap',
      fields: { token: TOKEN },
      takesWrappingToken: true,
      synopsis: 'Moves a wrapped response to a new wrapping token with a new TTL.',
      write: ({ fields, clientToken }) => wrapping.rewrap(fields.token ?? clientToken),
    }),
  ];

  async function lookup(token: string) {
    const { path, creationTime, ttl } = await wrapping.lookup(token);
    return { data: { creation_path: path, creation_time: formatTime(creationTime), creation_ttl: ttl } };
  }
}
