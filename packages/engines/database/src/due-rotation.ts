import { CofferError } from '@coffer/base';
import type { ClaimedIntent } from '@coffer/framework';
import { readConfig } from './config-entry.ts';
import type { EngineParts } from './engine-parts.ts';
import { nextRetry } from './claimed-intent.ts';
import { ROOT_SUBJECT } from './root-subject.ts';
import { rotateRoot } from './rotate-root.ts';
import { rotateStaticRole } from './rotate-static-role.ts';
import { nextRotation, withinWindow } from './rotation-time.ts';
import { readStaticRoleNow, STATIC_SUBJECT } from './static-role-entry.ts';

/** Does what a due row asks for: finishes an open change, begins a rotation whose time has come, or clears the row away. */
export async function finishOrRotate(parts: EngineParts, subject: string): Promise<void> {
  const { intents, logger } = parts.context;
  await intents.claim(subject, async (claimed) => {
    // Another worker may have done it since it was found to be due.
    if (claimed.nextAttempt === null || claimed.nextAttempt > Date.now()) return;
    try {
      await (subject.startsWith(ROOT_SUBJECT) ? finishRoot(parts, claimed) : finishStatic(parts, claimed));
    } catch (thrown) {
      const { message } = CofferError.from(thrown);
      logger.error('a scheduled rotation failed', { subject, error: message });
      const row = await intents.get(subject);
      if (row === undefined || row.nextAttempt === null || row.nextAttempt > Date.now()) return;
      await claimed.save({
        attempts: row.attempts + 1,
        lastError: message,
        nextAttempt: nextRetry(row.attempts),
      });
    }
  });
}

async function finishRoot(parts: EngineParts, claimed: ClaimedIntent): Promise<void> {
  const name = claimed.subject.slice(ROOT_SUBJECT.length);
  // Settled: whoever had claimed the configuration is gone, and the row holds nothing.
  const gone = (await readConfig(parts.context.storage, name)) === undefined;
  if (claimed.state === 'settled' || gone) await claimed.remove();
  else await rotateRoot(parts, name, claimed);
}

async function finishStatic(parts: EngineParts, claimed: ClaimedIntent): Promise<void> {
  const name = claimed.subject.slice(STATIC_SUBJECT.length);
  const role = await readStaticRoleNow(parts.context.storage, name);
  if (role === undefined) {
    // Its creation or deletion was cut off where the database had not been touched, or no longer mattered.
    await claimed.remove();
    return;
  }
  const now = Date.now();
  if (claimed.state === 'settled' && !withinWindow(role, now)) {
    await claimed.save({ nextAttempt: nextRotation(role, now, now) });
    return;
  }
  await rotateStaticRole(parts, { name, role, claimed });
}
