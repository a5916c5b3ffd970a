import { CofferError, isCofferError, type Logger, Secret } from '@coffer/base';
import { type ClaimedIntent, type EngineContext, type Intents, stored } from '@coffer/framework';
import { type Database, isPluginGone, type LoginAnswer, urlHoldsPassword } from '@coffer/database-plugin';
import { changeDespiteLosses, changePassword } from './change-password.ts';
import { changeConfig, type ConfigEntry, requireConfig } from './config-entry.ts';
import type { EngineParts } from './engine-parts.ts';
import { busy, noteOutcomeUnknown, requireAlone, silentUntil, unknownAttempt, waitFor } from './claimed-intent.ts';
import { resume, sessionMarkOf } from './dead-rotation.ts';
import { rootSubject } from './root-subject.ts';
import { loginOf } from './static-role-entry.ts';
import { counted } from './watched.ts';

/** What an open rotation of a connection's own user holds. Empty when the row only serves as a lock. */
interface RootIntent {
  readonly username?: string;
  readonly password?: string;
}

const { entry, optional, string } = stored;
const ROOT_INTENT = entry<RootIntent>({ username: optional(string()), password: optional(string()) });

/**
 * Runs `work` while nobody else, here or on another node, writes the configuration or rotates its user: a write that
 * read the password before a rotation and came after it would put the old one back. So `work` sees what those before it wrote.
 * The row goes afterwards, unless a rotation is still open in it.
 */
export async function claimConfig<T>(
  { intents, catchUp }: EngineContext,
  name: string,
  work: (claimed: ClaimedIntent) => Promise<T>,
): Promise<T> {
  const subject = rootSubject(name);
  const use = async (claimed: ClaimedIntent): Promise<T> => {
    try {
      await catchUp();
      return await work(claimed);
    } finally {
      await clearAway(intents, claimed);
    }
  };
  const row = { subject, login: `config:${name}`, state: 'settled', value: {} } as const;
  const look = async () => (await intents.claim(subject, use)) ?? (await intents.create(row, use));
  return (await waitFor(look, busy)).result;
}

/** What cannot be cleared away now is due, and goes later. It may also be the row of whoever came next. */
async function clearAway(intents: Intents, claimed: ClaimedIntent): Promise<void> {
  try {
    const row = await intents.get(claimed.subject);
    if (row?.state === 'settled' && silentUntil(row) === undefined) await claimed.remove();
  } catch (error) {
    if (!isCofferError(error, 'unavailable')) throw error;
  }
}

/** The connection's own user was set by hand: a rotation that is still open no longer counts. */
export async function dropOpenRotation(logger: Logger, name: string, claimed: ClaimedIntent): Promise<void> {
  if (claimed.state !== 'open') return;
  logger.warn('an unfinished root rotation was abandoned: the connection got new credentials', {
    connection: name,
  });
  await claimed.save({ state: 'settled', value: {} });
}

/**
 * Rotates the password of the user that a connection logs in as, or settles the rotation that is open. The new password
 * is written down first; the configuration gets it only when it is known to log in.
 * Answers warnings: what the database warned of, and that it let the user in without asking for a password.
 *
 * @throws CofferError `failed` when nothing was changed, `unavailable` when that is not known yet: it is then settled in
 *   the background
 */
export async function rotateRoot(parts: EngineParts, name: string, row: ClaimedIntent): Promise<readonly string[]> {
  // What does not exist is not counted: names that callers make up would fill the metric.
  const entry = await requireConfig(parts.context.storage, name);
  const ofRoot = { connection: name, role: '' };
  return counted(parts.context.metrics, 'rotate', ofRoot, () => rotate(parts, name, entry, row));
}

async function rotate(
  parts: EngineParts,
  name: string,
  entry: ConfigEntry,
  row: ClaimedIntent,
): Promise<readonly string[]> {
  const config = await rotatableConfig(parts.context, name, entry);
  const begun = row.state === 'open';
  if (!begun) requireAlone(row);
  const claimed = begun ? await goOn(parts, name, config, row) : await open(parts, name, config, row);
  const { outcome, row: last } = await parts.connections.alone(name, async () => {
    const changed = await change(parts, name, config, claimed, begun);
    if (changed.outcome.outcome === 'changed') await keep(parts, name, changed.row);
    return changed;
  });
  switch (outcome.outcome) {
    case 'changed':
      if (outcome.answer !== 'trusted') return outcome.warnings;
      return [...outcome.warnings, warnTrusted(parts.context.logger, name, config.username)];
    case 'unchanged':
      await last.remove();
      parts.context.logger.error('root rotation failed; the password has not changed', {
        connection: name,
        error: outcome.error.message,
      });
      throw new CofferError('failed', `failed to rotate root credentials: ${outcome.error.message}`);
    case 'unknown':
      await last.save(unknownAttempt(last, outcome.error));
      parts.context.logger.error('the outcome of a root rotation is not known yet; checking in the background', {
        connection: name,
        attempt: last.attempts + 1,
        error: outcome.error.message,
      });
      throw new CofferError(
        'unavailable',
        'the outcome of the root rotation is not known yet; Coffer checks in the background by logging in with the new ' +
          `password, then with the old one: ${outcome.error.message}`,
      );
  }
}

interface RotatableConfig extends ConfigEntry {
  readonly username: string;
  readonly password: Secret;
}

/** @throws CofferError `failed` with Vault's texts when there is nothing to rotate */
async function rotatableConfig(
  { intents }: EngineContext,
  name: string,
  config: ConfigEntry,
): Promise<RotatableConfig> {
  const { username, password, connection_url: url } = config.connectionDetails;
  const cannot = (why: string) => new CofferError('failed', `unable to rotate root credentials: ${why}`);
  if (typeof username !== 'string' || username === '') throw cannot('no username in configuration');
  if (typeof password !== 'string' || password === '') throw cannot('no password in configuration');
  if (typeof url === 'string' && urlHoldsPassword(url)) {
    throw cannot('connection_url contains the password itself; write {{password}} instead');
  }
  const other = await intents.ofLogin(loginOf(name, username));
  if (other !== undefined) {
    throw cannot(`"${username}" is also the login of a static role; delete one of them`);
  }
  return { ...config, username, password: new Secret(password) };
}

async function open(
  parts: EngineParts,
  name: string,
  config: RotatableConfig,
  row: ClaimedIntent,
): Promise<ClaimedIntent> {
  const password = await parts.generatePassword(config.passwordPolicy);
  const mark = await parts.connections
    .useAlone(name, (database) => sessionMarkOf(database, config.rootRotationStatements))
    // The change itself says what is wrong with the plugin.
    .catch(() => ({}));
  return row.save({ state: 'open', nextAttempt: Date.now(), value: { username: config.username, password, ...mark } });
}

/** Nobody may have the password any more that the sessions of a dead process would have to be asked for with. */
function goOn(parts: EngineParts, name: string, config: RotatableConfig, row: ClaimedIntent): Promise<ClaimedIntent> {
  return parts.connections
    .useAlone(name, (database) => resume(row, database, config.rootRotationStatements))
    .catch(() => (row.outcomeUnknown ? noteOutcomeUnknown(row) : row));
}

async function change(
  parts: EngineParts,
  name: string,
  config: RotatableConfig,
  claimed: ClaimedIntent,
  begun: boolean,
): ReturnType<typeof changeDespiteLosses> {
  const { password = '' } = ROOT_INTENT(claimed.value, claimed.row);
  return changeDespiteLosses(claimed, begun, (again, landed) =>
    parts.connections.useAlone(name, (database) =>
      changePassword(database, {
        username: config.username,
        newPassword: new Secret(password),
        oldPassword: config.password,
        statements: config.rootRotationStatements,
        begun: again,
        landed,
        mustLogIn: true,
        ask: (tried) => ask(parts, config, database, tried),
      }),
    ),
  );
}

/** A plugin without our extension is asked by a connection of its own, made with that password. */
async function ask(
  parts: EngineParts,
  config: RotatableConfig,
  database: Database,
  password: Secret,
): Promise<LoginAnswer> {
  const answer = await database.verifyUser?.(config.username, password);
  if (answer !== undefined) return answer;
  const probe = await parts.plugins.open(config.pluginName, config.pluginVersion);
  try {
    const details = { ...config.connectionDetails, password: password.reveal() };
    await probe.initialize({ config: details, verifyConnection: true });
    return 'accepted';
  } catch (thrown) {
    if (isPluginGone(thrown)) throw thrown;
    return 'refused';
  } finally {
    await probe.close();
  }
}

/**
 * The configuration gets the new password, then the row goes, or stays until nothing can land any more: cut off in between, the
 * next one does it again.
 */
async function keep(parts: EngineParts, name: string, claimed: ClaimedIntent): Promise<void> {
  const { storage, logger } = parts.context;
  const { username = '', password = '' } = ROOT_INTENT(claimed.value, claimed.row);
  const change = (config: ConfigEntry): ConfigEntry => ({
    ...config,
    connectionDetails: { ...config.connectionDetails, password },
  });
  await changeConfig(storage, name, change, claimed);
  const until = silentUntil(claimed);
  if (until === undefined) await claimed.remove();
  else {
    const settled = { attempts: 0, lastError: null, nextAttempt: until, value: { silentUntil: until } };
    await claimed.save({ state: 'settled', ...settled });
  }
  await parts.connections.databases.reset(name);
  logger.info('rotated the root user of a connection', { connection: name, username });
}

function warnTrusted(logger: Logger, name: string, username: string): string {
  const warning =
    `the database let "${username}" in without asking for a password: it trusts anyone who can connect, so Coffer ` +
    `cannot tell whether the new password is the right one. See "trust" in its pg_hba.conf.`;
  logger.warn(warning, { connection: name });
  return warning;
}
