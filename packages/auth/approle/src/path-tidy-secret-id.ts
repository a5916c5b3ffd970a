import { definePath, type Path } from '@coffer/framework';
import type { SecretIds } from './secret-ids.ts';

/** `tidy/secret-id`. */
export function tidySecretIdPaths(secretIds: SecretIds): Path[] {
  return [
    definePath({
      pattern: 'tidy/secret-id',
      fields: {},
      synopsis: 'Removes expired secret IDs. This also happens automatically.',
      write: async () => {
        await secretIds.sweep();
        return undefined;
      },
    }),
  ];
}
