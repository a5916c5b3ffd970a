import { definePath, type Path } from '@coffer/framework';
import type { EngineParts } from './engine-parts.ts';
import type { RotationWorker } from './rotation-worker.ts';
import { claimConfig, rotateRoot } from './rotate-root.ts';
import { withWarnings } from './statement-fields.ts';

/** `rotate-root/:name`: gives the connection's own user a password that only this server knows. */
export function rotateRootPaths(parts: EngineParts, rotations: RotationWorker): Path[] {
  return [
    definePath({
      pattern: 'rotate-root/:name',
      fields: { name: { type: 'string', required: true, description: 'The name of the connection.' } },
      synopsis: 'Rotates the password of the user that a connection logs in as. Only Coffer knows the new one.',
      description:
        'The password is stored before it is set, and saved in the configuration once it is known to log in. ' +
        'Use a user for this connection alone: anyone else who logs in as it is locked out.',
      write: async ({ fields: { name } }) => {
        try {
          return withWarnings(await claimConfig(parts.context, name, (claimed) => rotateRoot(parts, name, claimed)));
        } finally {
          rotations.wake();
        }
      },
    }),
  ];
}
