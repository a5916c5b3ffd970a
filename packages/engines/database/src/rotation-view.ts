import type { JsonObject } from '@coffer/base';
import { isManualOnly } from './rotation-time.ts';
import type { StaticRoleEntry } from './static-role-entry.ts';

/** How a role is rotated, as Vault shows it: what is not set is left out. */
export function rotationView(role: StaticRoleEntry): JsonObject {
  return {
    ...(isManualOnly(role) && { disable_automated_rotation: true }),
    ...(role.rotationPeriod > 0 && { rotation_period: role.rotationPeriod }),
    ...(role.rotationSchedule !== '' && { rotation_schedule: role.rotationSchedule }),
    ...(role.rotationWindow > 0 && { rotation_window: role.rotationWindow }),
  };
}
