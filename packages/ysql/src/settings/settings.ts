import { CofferError, type JsonObject } from '@coffer/base';
import {
  byOurNames,
  type ConnectionSettings,
  decodeConnection,
  FIELD_ALIASES,
  type Findings,
  QUIET,
  readChoice,
  readText,
} from '@coffer/yb-connection';
import {
  DEFAULT_REASSIGN_ROLE,
  findField,
  nearestField,
  OWNED_OBJECT_POLICIES,
  PASSWORD_AUTHENTICATIONS,
  type UserFieldName,
  type YsqlField,
} from './fields.ts';
import { createNameMaker } from './username.ts';

/** A connection's configuration, decoded. Times are in seconds. */
export interface YsqlSettings extends ConnectionSettings {
  /** Empty: the default name. */
  readonly usernameTemplate: string;
  readonly passwordAuthentication: (typeof PASSWORD_AUTHENTICATIONS)[number];
  readonly ownedObjects: (typeof OWNED_OBJECT_POLICIES)[number];
  readonly reassignOwnedTo: string;
}

/**
 * Decodes a configuration. What we do not recognise in it, or cannot take literally, is reported to `warn` and is no error: a
 * configuration that was stored once must stay usable.
 *
 * @throws CofferError `invalid-request` naming the field
 */
export function parseSettings(config: JsonObject, warn: (message: string) => void): YsqlSettings {
  for (const name of Object.keys(config)) {
    if (!isKnown(name)) warn(`unknown field "${name.slice(0, 100)}" is ignored`);
  }
  return decode(config, { warn, refuse: (_, stored) => warn(stored) });
}

/**
 * Checks a configuration strictly, for the user who is writing it. It may contain only the plugin's own fields: an engine takes
 * out its own (plugin_name, allowed_roles, ...) first. Opens no connection and reads no file. Returns what has no effect, or not
 * the one that it seems to have.
 *
 * @throws CofferError `invalid-request` naming a field that is unknown (with the closest known one), of the wrong type, out of
 *   bounds, or in contradiction to another
 */
export function checkYsqlConfig(config: JsonObject): readonly string[] {
  for (const name of Object.keys(config)) {
    if (isKnown(name)) continue;
    const nearest = nearestField(name);
    throw new CofferError(
      'invalid-request',
      `unknown field "${name.slice(0, 100)}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    );
  }
  const warnings: string[] = [];
  const settings = decode(config, {
    warn: (message) => warnings.push(message),
    refuse: (problem) => {
      throw new CofferError('invalid-request', problem);
    },
  });
  createNameMaker(settings.usernameTemplate);
  return warnings;
}

function isKnown(name: string): boolean {
  return findField(name) !== undefined || FIELD_ALIASES.has(name);
}

function decode(written: JsonObject, toTell: Omit<Findings, 'isField'>): YsqlSettings {
  const findings: Findings = { ...toTell, isField: (name) => findField(name) !== undefined };
  const connection = decodeConnection(written, findings);
  const config = byOurNames(written, QUIET);
  const byDefault = (name: UserFieldName): YsqlField['default'] => findField(name)?.default;
  const text = (name: UserFieldName): string => readText(config, name, byDefault(name));
  const choice = <C extends string>(name: UserFieldName, choices: readonly C[]): C =>
    readChoice(config, name, choices, byDefault(name));
  const settings: YsqlSettings = {
    ...connection,
    usernameTemplate: text('username_template'),
    passwordAuthentication: choice('password_authentication', PASSWORD_AUTHENTICATIONS),
    ownedObjects: choice('owned_objects', OWNED_OBJECT_POLICIES),
    reassignOwnedTo: text('reassign_owned_to'),
  };
  warnOfNoUse(settings, findings);
  return settings;
}

/** Warns of what is of no use for the work on users. */
function warnOfNoUse({ ownedObjects, reassignOwnedTo, targetSession }: YsqlSettings, findings: Findings): void {
  if (ownedObjects !== 'reassign' && reassignOwnedTo !== DEFAULT_REASSIGN_ROLE) {
    findings.warn(`reassign_owned_to: no effect with owned_objects=${ownedObjects}`);
  }
  if (targetSession === 'read-only' || targetSession === 'standby') {
    findings.warn(`target_session_attrs=${targetSession}: users cannot be created or dropped on such a server`);
  }
}
