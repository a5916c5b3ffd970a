import { CofferError, formatTime, type JsonObject } from '@coffer/base';
import { definePath, type EntryStorage, type Intent, type Intents, type Path } from '@coffer/framework';
import { PATIENCE_MS, waitFor } from './claimed-intent.ts';
import { isManualOnly, staysUntil } from './rotation-time.ts';
import { rotationView } from './rotation-view.ts';
import {
  credentialOf,
  loginOf,
  readStaticRole,
  readStaticRoleNow,
  type StaticRoleEntry,
  staticSubject,
} from './static-role-entry.ts';

/** `static-creds/:name`: the password that a static role has now. */
export function staticCredsPaths(storage: EntryStorage, intents: Intents): Path[] {
  return [
    definePath({
      pattern: 'static-creds/:name',
      fields: { name: { type: 'string', required: true, description: 'The static role.' } },
      synopsis: 'Returns the current password of a static role, and how long it stays valid.',
      description:
        'While a rotation is under way, either password may be the one that logs in, so the answer waits until it ends.',
      read: async ({ fields: { name } }) => {
        let error = '';
        let read = readStaticRole;
        return waitFor(
          async () => {
            const role = await read(storage, name);
            const intent = role && (await intents.get(staticSubject(name)));
            if (role === undefined || intent === undefined)
              throw new CofferError('invalid-request', `unknown role: ${name}`);
            // From now on, what may have changed since this request began: a name that is another login's by now.
            read = readStaticRoleNow;
            if (intent.login !== loginOf(role.dbName, role.username)) return undefined;
            error = intent.lastError === null ? '' : `: ${intent.lastError}`;
            return intent.state === 'open' ? undefined : { data: staticCredsView(role, intent) };
          },
          () =>
            new CofferError(
              'unavailable',
              `the rotation of ${JSON.stringify(name)} is not done after ${PATIENCE_MS / 1000} s, and it is not known ` +
                `yet which password logs in; try again later${error}`,
            ),
        );
      },
    }),
  ];
}

function staticCredsView(role: StaticRoleEntry | undefined, intent: Intent): JsonObject {
  const { password, lastRotation } = credentialOf(intent);
  return {
    ...(lastRotation > 0 && { last_vault_rotation: formatTime(lastRotation) }),
    password,
    ...(role && rotationView(role)),
    ...(role && ttlView(role, intent)),
    username: role?.username ?? '',
  };
}

/** Whole seconds, never more than are left: whoever caches the password for that long must not keep it beyond its end. */
function ttlView(role: StaticRoleEntry, intent: Intent): JsonObject {
  if (isManualOnly(role)) return {};
  const now = Date.now();
  return { ttl: Math.floor((staysUntil(role, intent, now) - now) / 1000) };
}
