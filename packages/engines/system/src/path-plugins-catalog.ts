import { CofferError, errorText, type JsonObject } from '@coffer/base';
import {
  type BuiltinPlugin,
  canonicalPluginVersion,
  checkPluginEntry,
  definePath,
  isBuiltinPluginVersion,
  isRegistered,
  parsePluginType,
  type Path,
  type PluginCatalog,
  type PluginEntry,
  type PluginType,
  versionMismatch,
} from '@coffer/framework';
import { checkCommand, type PluginDirectory } from './plugin-directory.ts';

/** The numbers that Vault's clients send for `type` (hashicorp/vault:sdk/helper/consts/plugin_types.go). */
const TYPE_NUMBERS: ReadonlyMap<string, PluginType> = new Map([
  ['1', 'auth'],
  ['2', 'database'],
  ['3', 'secret'],
]);

const FIELDS = {
  name: { type: 'string', required: true, description: 'The name used as plugin_name.' },
  type: { type: 'string', description: 'auth, database or secret.' },
  sha256: { type: 'string', description: 'SHA-256 of the file, in hexadecimal. Checked before each start.' },
  sha_256: { type: 'string', description: 'Older spelling of sha256.' },
  command: { type: 'string', description: 'The file to run, relative to the plugin directory.' },
  args: { type: 'strings', default: [], description: 'Command-line arguments.' },
  env: { type: 'strings', default: [], description: 'Environment variables, as KEY=value.' },
  version: { type: 'string', default: '', description: 'Semantic version, or empty.' },
} as const;

/** `sys/plugins/catalog`, `.../:type`, `.../:type/:name`, and the older `.../:name`. */
export function pluginsCatalogPaths(plugins: PluginCatalog, directory: PluginDirectory | undefined): Path[] {
  return [
    all(plugins),
    ofType(plugins, 'database'),
    ofType(plugins, 'auth'),
    ofType(plugins, 'secret'),
    one(plugins, directory, 'plugins/catalog/:type/:name'),
    one(plugins, directory, 'plugins/catalog/:name'),
  ];
}

function all(plugins: PluginCatalog): Path {
  return definePath({
    pattern: 'plugins/catalog',
    fields: {},
    synopsis: 'Lists all plugins, built-in and registered.',
    read: async () => {
      const registered = await plugins.list();
      const shown = listed(plugins).filter((builtin) => !registered.some((entry) => hides(entry, builtin)));
      // The sort is stable: the versions of a name stay in their order.
      const detailed = [...registered.map(registeredView), ...shown.map(builtinView)].sort((a, b) =>
        `${a.type}/${a.name}`.localeCompare(`${b.type}/${b.name}`),
      );
      const names = (type: PluginType): string[] => [
        ...new Set(detailed.filter((entry) => entry.type === type).map((entry) => entry.name)),
      ];
      return { data: { auth: names('auth'), database: names('database'), detailed, secret: names('secret') } };
    },
  });
}

function ofType(plugins: PluginCatalog, type: PluginType): Path {
  return definePath({
    pattern: `plugins/catalog/${type}`,
    fields: {},
    sudo: true,
    synopsis: `Lists the ${type} plugins by name.`,
    list: async () => {
      const entries = [...listed(plugins), ...(await plugins.list())].filter((entry) => entry.type === type);
      return { data: { keys: [...new Set(entries.map((entry) => entry.name))].sort() } };
    },
  });
}

function one(plugins: PluginCatalog, directory: PluginDirectory | undefined, pattern: string): Path {
  const typeOf = pattern.includes(':type') ? typeInUrl : typeInBody;
  return definePath({
    pattern,
    fields: FIELDS,
    sudo: true,
    synopsis: 'Registers, shows or deregisters a plugin.',
    read: async ({ fields }) => {
      const plugin = await plugins.get(typeOf(fields.type), fields.name, canonicalPluginVersion(fields.version));
      return plugin && { data: isRegistered(plugin) ? entryView(plugin) : builtinEntryView(plugin) };
    },
    write: async ({ fields, warnings }) => {
      const { name, command = name, args, env } = fields;
      const version = canonicalPluginVersion(fields.version);
      if (isBuiltinPluginVersion(version)) {
        const why = "is not allowed because 'builtin' is a reserved metadata identifier";
        throw new CofferError('invalid-request', `version ${JSON.stringify(version)} ${why}`);
      }
      const sha256 = fields.sha256 ?? fields.sha_256;
      if (sha256 === undefined || sha256 === '') throw new CofferError('invalid-request', 'missing SHA-256 value');
      const entry = { name, type: typeOf(fields.type), command, args, env, sha256, version };
      const warning = await checkEntry(directory, entry);
      if (warning !== undefined) warnings.push(warning);
      await plugins.register(entry);
      return undefined;
    },
    delete: async ({ fields }) => {
      const version = canonicalPluginVersion(fields.version);
      if (isBuiltinPluginVersion(version)) {
        throw new CofferError('invalid-request', `version ${JSON.stringify(version)} cannot be deleted`);
      }
      await plugins.deregister(typeOf(fields.type), fields.name, version);
      return undefined;
    },
  });
}

/**
 * A version that is registered must be the plugin's own, which only the plugin knows. One that cannot be asked is registered
 * all the same, as in Vault, and asked again whenever it is started.
 * @returns the warning that it could not be asked, or that nothing here would run it
 * @throws CofferError `invalid-request` for an entry that could not be run, or whose plugin is of another version
 */
async function checkEntry(directory: PluginDirectory | undefined, entry: PluginEntry): Promise<string | undefined> {
  const { reportedVersion } = await checkCommand(directory, entry.command);
  checkPluginEntry(entry);
  if (entry.type !== 'database')
    return `Kept, but nothing here runs plugins of the type ${entry.type}: it cannot be enabled.`;
  if (entry.version === '') return undefined;
  let reported: string;
  try {
    reported = await reportedVersion(entry);
  } catch (error) {
    return `Failed to check whether the plugin is version ${entry.version}: ${errorText(error)}`;
  }
  const mismatch = versionMismatch(entry, reported);
  if (mismatch !== undefined) throw new CofferError('invalid-request', mismatch);
  return undefined;
}

/** Only the word: a policy would not match another spelling. */
function typeInUrl(given: string | undefined): PluginType {
  return parsePluginType(given ?? '');
}

/** The CLI sends a number in the body and the word in the path, and the path wins. */
function typeInBody(given: string | undefined): PluginType {
  // As the CLI sends where only a name was given.
  if (given === undefined || ['', '0', 'unknown'].includes(given)) {
    throw new CofferError('invalid-request', 'missing type: one of auth, database, secret');
  }
  return TYPE_NUMBERS.get(given) ?? parsePluginType(given);
}

function listed({ builtins }: PluginCatalog): readonly BuiltinPlugin[] {
  return builtins.filter(({ isAlias }) => isAlias !== true);
}

/** What is registered in a version stands beside the built-in of its name. */
function hides(entry: PluginEntry, builtin: BuiltinPlugin): boolean {
  return entry.name === builtin.name && entry.type === builtin.type && entry.version === '';
}

function builtinView({ name, type, version }: BuiltinPlugin) {
  return { builtin: true, deprecation_status: 'supported', name, type, version };
}

function registeredView({ name, type, sha256, version }: PluginEntry) {
  return { builtin: false, name, sha256, type, version };
}

function builtinEntryView(plugin: BuiltinPlugin) {
  return { args: [], command: '', sha256: '', ...builtinView(plugin) };
}

function entryView(entry: PluginEntry): JsonObject {
  return {
    args: entry.args,
    builtin: false,
    command: entry.command,
    declarative: false,
    name: entry.name,
    oci: false,
    sha256: entry.sha256,
    version: entry.version,
  };
}
