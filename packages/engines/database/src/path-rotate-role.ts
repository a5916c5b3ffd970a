import { CofferError } from '@coffer/base';
import { definePath, type Path } from '@coffer/framework';
import type { EngineParts } from './engine-parts.ts';
import type { RotationWorker } from './rotation-worker.ts';
import { claimIntent } from './claimed-intent.ts';
import { rotateStaticRole } from './rotate-static-role.ts';
import { withWarnings } from './statement-fields.ts';
import { readStaticRole, staticSubject } from './static-role-entry.ts';

/** `rotate-role/:name`: rotates the password of a static role now. */
export function rotateRolePaths(parts: EngineParts, rotations: RotationWorker): Path[] {
  const { context } = parts;
  return [
    definePath({
      pattern: 'rotate-role/:name',
      fields: { name: { type: 'string', required: true, description: 'The static role.' } },
      synopsis: 'Rotates the password of a static role now.',
      description:
        'If that fails, it is retried in the background, and static-creds keeps returning the password that logs in.',
      write: async ({ fields: { name } }) => {
        const rotated = await claimIntent(context, staticSubject(name), async (claimed) => {
          const role = await readStaticRole(context.storage, name);
          return role && rotateStaticRole(parts, { name, role, claimed });
        });
        rotations.wake();
        const outcome = rotated?.result;
        if (outcome === undefined) {
          throw new CofferError('invalid-request', `no static role found for role name ${JSON.stringify(name)}`);
        }
        if (outcome.outcome === 'changed') return withWarnings(outcome.warnings);
        throw new CofferError(
          outcome.outcome === 'unknown' || outcome.error.code === 'unavailable' ? 'unavailable' : 'failed',
          'unable to finish rotating credentials; retries will continue in the background but it is also safe to retry ' +
            `manually: ${outcome.error.message}`,
        );
      },
    }),
  ];
}
