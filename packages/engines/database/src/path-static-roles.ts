import { CofferError, formatTime, type JsonObject, parseTime } from '@coffer/base';
import { definePath, type EntryStorage, type Intent, type Path, type PathRequest } from '@coffer/framework';
import { createStaticRole } from './create-static-role.ts';
import type { EngineParts } from './engine-parts.ts';
import type { RotationWorker } from './rotation-worker.ts';
import { claimIntent } from './claimed-intent.ts';
import { rotationView } from './rotation-view.ts';
import { CREDENTIAL_FIELDS, credentialView, passwordPolicyOf } from './role-credential.ts';
import { rotateStaticRole } from './rotate-static-role.ts';
import { checkRoleStatements, type StatementField, withWarnings } from './statement-fields.ts';
import { mergeRotationTime, nextRotation, sameRotationTime } from './rotation-time.ts';
import {
  credentialOf,
  deleteStaticRole,
  staticRoleAsItIs,
  listStaticRoles,
  readStaticRole,
  type StaticRoleEntry,
  staticSubject,
  writeStaticRole,
} from './static-role-entry.ts';

const FIELDS = {
  name: { type: 'string', required: true, description: 'The name of the static role.' },
  db_name: { type: 'string', description: 'The connection to use: its name under config/.' },
  username: { type: 'string', description: 'The database user, which must already exist. It cannot be changed later.' },
  rotation_period: { type: 'duration', description: 'Time from one rotation to the next: at least 5 seconds.' },
  rotation_schedule: {
    type: 'string',
    description: 'When to rotate, instead of a period: five cron fields (minute hour day month weekday), in UTC.',
  },
  rotation_window: {
    type: 'duration',
    description:
      'How long after a scheduled time a rotation may still begin: an hour or more. Without it there is no limit.',
  },
  disable_automated_rotation: {
    type: 'boolean',
    description: 'Instead of a period or a schedule: rotate only when rotate-role is called.',
  },
  rotation_statements: {
    type: 'strings',
    description:
      'SQL that sets the password; {{name}} and {{password}} are replaced. Empty: ALTER ROLE ... WITH PASSWORD.',
  },
  password: { type: 'string', description: 'The current password, when the role is created. Never shown.' },
  skip_import_rotation: {
    type: 'boolean',
    default: false,
    description: 'Keep the given password until the first rotation is due.',
  },
  last_vault_rotation: {
    type: 'string',
    description:
      'With skip_import_rotation: when the given password was set, in RFC 3339. rotation_period counts from then. Default: now.',
  },
  ...CREDENTIAL_FIELDS,
} as const;
type StaticRoleRequest = PathRequest<typeof FIELDS>;

/** `static-roles` (LIST), `static-roles/:name`: logins that exist already and whose password is rotated. */
export function staticRolesPaths(parts: EngineParts, rotations: RotationWorker): Path[] {
  return [listRoles(parts.context.storage), oneRole(parts, rotations)];
}

function listRoles(storage: EntryStorage): Path {
  return definePath({
    pattern: 'static-roles',
    fields: {},
    synopsis: 'Lists the static roles.',
    list: async ({ page }) => ({ data: { keys: await listStaticRoles(storage, page) } }),
  });
}

function oneRole(parts: EngineParts, rotations: RotationWorker): Path {
  const { storage, intents } = parts.context;
  return definePath({
    pattern: 'static-roles/:name',
    fields: FIELDS,
    otherFields: 'refuse',
    synopsis: 'Manages a static role: an existing database user whose password is rotated on a schedule.',
    description:
      'Creating a static role rotates the password at once, unless skip_import_rotation is set. Deleting it leaves the user in the database.',
    exists: async ({ name = '' }) => (await readStaticRole(storage, name)) !== undefined,
    read: async ({ fields: { name } }) => {
      const role = await readStaticRole(storage, name);
      return role && { data: roleView(role, await intents.get(staticSubject(name))) };
    },
    write: async (request) => {
      const previous = await readStaticRole(storage, request.fields.name);
      try {
        return withWarnings(await (previous === undefined ? create(parts, request) : update(parts, request, previous)));
      } finally {
        rotations.wake();
      }
    },
    delete: async ({ fields: { name } }) => {
      const asItIs = await staticRoleAsItIs(storage, name);
      await claimIntent(parts.context, staticSubject(name), async (claimed) => {
        await deleteStaticRole(storage, name, claimed.held);
        await claimed.remove();
      });
      // Should it have had no intent. Another one that was made meanwhile stays.
      if (asItIs !== undefined) await deleteStaticRole(storage, name, asItIs);
      return undefined;
    },
  });
}

function roleView(role: StaticRoleEntry, intent: Intent | undefined): JsonObject {
  const lastRotation = intent === undefined ? 0 : credentialOf(intent).lastRotation;
  return {
    ...credentialView(role.passwordPolicy),
    db_name: role.dbName,
    ...(lastRotation > 0 && { last_vault_rotation: formatTime(lastRotation) }),
    ...rotationView(role),
    rotation_statements: role.rotationStatements,
    username: role.username,
    // Vault does not have them: shown only while something is wrong, so that other answers are the same as there.
    ...(intent !== undefined &&
      intent.lastError !== null && {
        rotation_error: intent.lastError,
        failed_rotations: intent.attempts,
        ...(intent.nextAttempt !== null && { next_rotation_attempt: formatTime(intent.nextAttempt) }),
      }),
  };
}

/** The policy that a request gives its role: one that exists. Undefined when it names none. */
async function givenPolicy(
  { generatePassword }: Pick<EngineParts, 'generatePassword'>,
  { fields }: StaticRoleRequest,
): Promise<string | undefined> {
  const policy = passwordPolicyOf(fields.credential_type, fields.credential_config);
  if (policy) await generatePassword(policy);
  return policy;
}

async function create(parts: EngineParts, request: StaticRoleRequest): Promise<readonly string[]> {
  const { fields } = request;
  const passwordPolicy = (await givenPolicy(parts, request)) ?? '';
  const { name, db_name: dbName = '', username = '' } = fields;
  if (dbName === '') throw new CofferError('invalid-request', 'database name is a required field');
  if (username === '') {
    throw new CofferError('invalid-request', 'username is a required field to create a static account');
  }
  const role = {
    dbName,
    username,
    rotationStatements: fields.rotation_statements ?? [],
    ...mergeRotationTime(undefined, fields),
    passwordPolicy,
  };
  const warnings = await checkRoleStatements(parts, dbName, statementFields(role));
  const told = await createStaticRole(parts, {
    name,
    role,
    password: fields.password ?? '',
    rotateNow: !fields.skip_import_rotation,
    passwordSet: passwordTime(fields),
  });
  return [...warnings, ...told];
}

/**
 * When the password was set that is kept, in milliseconds since 1970; undefined where the request does not say.
 * @throws CofferError `invalid-request` for what is no time, or one to come
 */
function passwordTime({ last_vault_rotation: given, skip_import_rotation: kept }: StaticRoleRequest['fields']) {
  if (given === undefined) return undefined;
  const refuse = (why: string): never => {
    throw new CofferError('invalid-request', `field "last_vault_rotation": ${why}`);
  };
  if (!kept) return refuse('it is only valid with skip_import_rotation=true: a rotation sets its own time');
  const time = parseTime(given);
  // Vault shows the year 1 for a password that it has never set.
  if (time === undefined || time < 0)
    return refuse(
      `${JSON.stringify(given.slice(0, 100))} is not a time; use RFC 3339, such as "2026-01-31T12:00:00Z", or leave it out`,
    );
  return time <= Date.now()
    ? time
    : refuse(`${JSON.stringify(given)} is in the future; is the clock of this server right?`);
}

function statementFields({ rotationStatements }: StaticRoleEntry): readonly StatementField[] {
  return [{ field: 'rotation_statements', purpose: 'rotation', statements: rotationStatements }];
}

async function update(
  parts: EngineParts,
  request: StaticRoleRequest,
  previous: StaticRoleEntry,
): Promise<readonly string[]> {
  const { fields } = request;
  const passwordPolicy = await givenPolicy(parts, request);
  const { name, db_name: dbName, username } = fields;
  if (username !== undefined && username !== previous.username) {
    throw new CofferError('invalid-request', 'cannot update static account username');
  }
  if (dbName !== undefined && dbName !== previous.dbName) {
    throw new CofferError(
      'invalid-request',
      'cannot update static account db_name: delete the static role and create it again',
    );
  }
  if (fields.password !== undefined || fields.skip_import_rotation || fields.last_vault_rotation !== undefined) {
    throw new CofferError(
      'invalid-request',
      'fields "password", "skip_import_rotation" and "last_vault_rotation" can be set only when a static role is created; use rotate-role instead',
    );
  }
  const change = (before: StaticRoleEntry): StaticRoleEntry => ({
    ...before,
    rotationStatements: fields.rotation_statements ?? before.rotationStatements,
    ...mergeRotationTime(before, fields),
    passwordPolicy: passwordPolicy ?? before.passwordPolicy,
  });
  const warnings = await checkRoleStatements(parts, previous.dbName, statementFields(change(previous)));
  const updated = await claimIntent(parts.context, staticSubject(name), async (claimed) => {
    const before = await readStaticRole(parts.context.storage, name);
    // Deleted meanwhile, or made anew for another login.
    if (before?.username !== previous.username || before.dbName !== previous.dbName) return [];
    const role = change(before);
    await writeStaticRole(parts.context.storage, name, role, claimed);
    if (claimed.state === 'open') {
      // Its rotation is still open: the new statements may help.
      const outcome = await rotateStaticRole(parts, { name, role, claimed });
      if (outcome.outcome === 'changed') return outcome.warnings;
      throw new CofferError(outcome.error.code, `error setting credentials: ${outcome.error.message}`);
    }
    // What is due already, or tried again after a failure, is not put off by an update of something else.
    if (sameRotationTime(before, role)) return [];
    const next = nextRotation(role, credentialOf(claimed).periodStart, Date.now());
    const retry = claimed.attempts > 0 ? claimed.nextAttempt : null;
    await claimed.save({ nextAttempt: retry === null || (next !== null && next < retry) ? next : retry });
    return [];
  });
  return [...warnings, ...(updated?.result ?? [])];
}
