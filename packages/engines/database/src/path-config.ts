import { awaiting, CofferError, type JsonObject, type Metrics, plainNumbers, requireTime } from '@coffer/base';
import {
  checkNames,
  definePath,
  type ClaimedIntent,
  type EntryStorage,
  type FieldValues,
  type Path,
  type PathRequest,
  type PathResponse,
} from '@coffer/framework';
import { type Database, urlHoldsPassword } from '@coffer/database-plugin';
import { type ConfigEntry, deleteConfig, readConfig, writeConfig } from './config-entry.ts';
import type { EngineParts } from './engine-parts.ts';
import type { DatabasePlugins, PluginDatabase } from './plugins.ts';
import { dropOpenRotation, claimConfig } from './rotate-root.ts';
import { checkStatements } from './statement-fields.ts';

const FIELDS = {
  name: { type: 'string', required: true, description: 'The name of this connection.' },
  plugin_name: { type: 'string', description: 'The database plugin: "ysql-plugin", or a registered one.' },
  plugin_version: {
    type: 'string',
    description:
      'The version of a registered plugin. Default for a new configuration: none if the plugin is registered without one, else the newest.',
  },
  verify_connection: { type: 'boolean', default: true, description: 'Connect once before the configuration is saved.' },
  allowed_roles: {
    type: 'comma-strings',
    description: 'Roles that may use this connection: names, globs, or "*" for all; none by default.',
  },
  root_rotation_statements: {
    type: 'strings',
    description: 'Statements that change the password of the configured user.',
  },
  root_credentials_rotate_statements: { type: 'strings', description: 'Older spelling of root_rotation_statements.' },
  password_policy: {
    type: 'string',
    description: 'The password policy for the roles of this connection. Empty: the built-in policy.',
  },
} as const;
/** Writing one of these changes how the connection logs in. */
const LOGIN_FIELDS = ['username', 'password', 'connection_url'];
type ConfigRequest = PathRequest<typeof FIELDS>;

/** `config` (LIST), `config/:name`. The plugin's own fields stand beside these; see the configuration reference. */
export function configPaths(parts: EngineParts): Path[] {
  return [listConfigs(parts.context.storage), oneConfig(parts)];
}

function listConfigs(storage: EntryStorage): Path {
  return definePath({
    pattern: 'config',
    fields: {},
    synopsis: 'Lists the configured connections.',
    list: async ({ page }) => ({ data: { keys: await storage.list('config/', page) } }),
  });
}

function oneConfig(parts: EngineParts): Path {
  const { context } = parts;
  const { storage, logger } = context;
  return definePath({
    pattern: 'config/:name',
    fields: FIELDS,
    otherFields: 'accept',
    synopsis: 'Configures a database connection.',
    description: 'Fields that an update leaves out keep their value. The plugin validates its own fields.',
    exists: async ({ name = '' }) => (await readConfig(storage, name)) !== undefined,
    read: async ({ fields }) => {
      const entry = await readConfig(storage, fields.name);
      return entry && (await configView(parts, fields.name, entry));
    },
    write: (request) =>
      claimConfig(context, request.fields.name, async (claimed) => {
        const response = await saveConfig(parts, request, claimed);
        if (LOGIN_FIELDS.some((field) => Object.hasOwn(request.data, field))) {
          await dropOpenRotation(logger, request.fields.name, claimed);
        }
        return response;
      }),
    delete: async ({ fields }) => {
      await claimConfig(context, fields.name, async (claimed) => {
        await deleteConfig(storage, fields.name, claimed);
        await context.tell({ kind: 'reset', name: fields.name });
        await parts.connections.databases.reset(fields.name);
        await dropOpenRotation(logger, fields.name, claimed);
      });
      return undefined;
    },
  });
}

async function configView(
  { plugins, connections }: EngineParts,
  name: string,
  entry: ConfigEntry,
): Promise<PathResponse> {
  // The catalog is in the store: it is asked only where what is open does not tell.
  const nextVersion = () => plugins.versionOf?.(entry.pluginName, entry.pluginVersion);
  const running = (await connections.databases.versionOf(name, entry)) ?? (await nextVersion()) ?? '';
  const data = {
    allowed_roles: entry.allowedRoles,
    connection_details: plugins.fields(entry.pluginName).shown(entry.connectionDetails),
    password_policy: entry.passwordPolicy,
    plugin_name: entry.pluginName,
    plugin_version: entry.pluginVersion,
    root_credentials_rotate_statements: entry.rootRotationStatements,
    ...(running !== '' && { running_plugin_version: running }),
  };
  if (['', running].includes(entry.pluginVersion) || running === '') return { data };
  const [asked, runs] = [entry.pluginVersion, running].map((version) => JSON.stringify(version));
  const why =
    (await nextVersion()) === running
      ? 'because that version is pinned'
      : 'either due to a pinned version or because the plugin was upgraded and not yet reloaded';
  return { data, warnings: [`Plugin version is configured as ${asked}, but running ${runs} ${why}`] };
}

async function saveConfig(
  parts: EngineParts,
  { fields, data }: ConfigRequest,
  claimed: ClaimedIntent,
): Promise<PathResponse> {
  const previous = (await readConfig(parts.context.storage, fields.name)) ?? NEW_CONFIG;
  const { entry, warnings } = await mergeConfig(parts.plugins, previous, fields, data);
  const field =
    fields.root_rotation_statements === undefined && fields.root_credentials_rotate_statements !== undefined
      ? 'root_credentials_rotate_statements'
      : 'root_rotation_statements';
  checkStatements(parts.plugins, entry.pluginName, [
    { field, purpose: 'rotation', statements: entry.rootRotationStatements },
  ]);
  if (entry.passwordPolicy !== '') await parts.generatePassword(entry.passwordPolicy);
  const database = await openDatabase(parts.plugins, entry, parts.context.metrics.with({ connection: fields.name }));
  let written: ConfigEntry;
  try {
    const kept = await initialize(database, entry, fields.verify_connection);
    requireTime();
    written = { ...entry, connectionDetails: kept };
    await writeConfig(parts.context.storage, fields.name, written, claimed);
  } catch (error) {
    await database.close();
    throw error;
  }
  await parts.connections.databases.replace(fields.name, written, database);
  const url = entry.connectionDetails['connection_url'];
  if (typeof url === 'string' && urlHoldsPassword(url)) warnings.push(PASSWORD_IN_URL);
  return warnings.length === 0 ? undefined : { data: null, warnings };
}

const PASSWORD_IN_URL =
  'Password found in connection_url, use a templated url to enable root rotation and prevent read access to password information.';

const NEW_CONFIG: ConfigEntry = {
  pluginName: '',
  pluginVersion: '',
  connectionDetails: {},
  allowedRoles: [],
  rootRotationStatements: [],
  passwordPolicy: '',
};

async function mergeConfig(
  plugins: DatabasePlugins,
  previous: ConfigEntry,
  fields: FieldValues<typeof FIELDS>,
  data: JsonObject,
): Promise<{ readonly entry: ConfigEntry; readonly warnings: string[] }> {
  const own = Object.fromEntries(Object.entries(data).filter(([name]) => !Object.hasOwn(FIELDS, name)));
  const rotation = fields.root_rotation_statements ?? fields.root_credentials_rotate_statements;
  const pluginName = fields.plugin_name ?? previous.pluginName;
  if (pluginName === '') throw new CofferError('invalid-request', 'empty plugin name');
  const pluginVersion = await pluginVersionOf(plugins, pluginName, previous, fields);
  const { config, warnings } = plugins.mergeConfig(pluginName, previous.connectionDetails, plainNumbers(own));
  const entry: ConfigEntry = {
    pluginName,
    pluginVersion,
    connectionDetails: config,
    allowedRoles: fields.allowed_roles ? checkNames(fields.allowed_roles, 'allowed_roles') : previous.allowedRoles,
    rootRotationStatements: rotation ?? previous.rootRotationStatements,
    passwordPolicy: fields.password_policy ?? previous.passwordPolicy,
  };
  return { entry, warnings: [...warnings] };
}

/** A configuration stays with its version until it asks for another, or changes to another plugin. */
async function pluginVersionOf(
  plugins: DatabasePlugins,
  name: string,
  previous: ConfigEntry,
  { plugin_version: asked }: FieldValues<typeof FIELDS>,
): Promise<string> {
  const isNew = name !== previous.pluginName;
  return asked === undefined && !isNew ? previous.pluginVersion : plugins.pin(name, asked ?? '', isNew);
}

async function openDatabase(plugins: DatabasePlugins, entry: ConfigEntry, metrics: Metrics): Promise<PluginDatabase> {
  try {
    return await awaiting(`the plugin ${JSON.stringify(entry.pluginName)} to start`, () =>
      plugins.open(entry.pluginName, entry.pluginVersion, metrics),
    );
  } catch (thrown) {
    const { message } = CofferError.from(thrown);
    // Vault tries a plugin as v5 and as v4, and says of both the same (hashicorp/vault:builtin/logical/database/version_wrapper.go).
    throw new CofferError('invalid-request', `error creating database object: ${message}`, { cause: thrown });
  }
}

async function initialize(database: Database, entry: ConfigEntry, verifyConnection: boolean): Promise<JsonObject> {
  try {
    return await awaiting('the look at the configuration and the database', () =>
      database.initialize({ config: entry.connectionDetails, verifyConnection }),
    );
  } catch (thrown) {
    const error = CofferError.from(thrown);
    if (error.code === 'internal') throw error;
    throw new CofferError('invalid-request', `error creating database object: ${error.message}`, { cause: thrown });
  }
}
