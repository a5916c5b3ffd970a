import { definePath, type EntryStorage, type Path } from '@coffer/framework';
import { createSecretId, NEW_SECRET_ID_FIELDS, SECRET_ID } from './new-secret-id.ts';
import type { SecretIds } from './secret-ids.ts';

/** `role/:role_name/custom-secret-id`. */
export function roleCustomSecretIdPaths(storage: EntryStorage, secretIds: SecretIds): Path[] {
  return [
    definePath({
      pattern: 'role/:role_name/custom-secret-id',
      foldedNames: ['role_name'],
      fields: { ...NEW_SECRET_ID_FIELDS, secret_id: SECRET_ID },
      synopsis: 'Registers a secret id that was generated elsewhere.',
      write: ({ fields }) => createSecretId(storage, secretIds, fields, fields.secret_id),
    }),
  ];
}
