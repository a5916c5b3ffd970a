import { CofferError, type JsonObject } from '@coffer/base';
import {
  type BuiltinPlugin,
  definePath,
  parsePluginType,
  type Path,
  type PluginCatalog,
  type PluginEntry,
  type PluginType,
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
  sha256: { type: 'string', description: 'SHA-256 of the file in hexadecimal; checked before every start.' },
  sha_256: { type: 'string', description: 'Older spelling of sha256.' },
  command: { type: 'string', description: 'The file to run, relative to the plugin directory.' },
  args: { type: 'strings', default: [], description: 'Arguments.' },
  env: { type: 'strings', default: [], description: 'Environment, as KEY=value.' },
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
    synopsis: 'Lists every plugin, built in and registered.',
    read: async () => {
      const registered = await plugins.list();
      const shown = plugins.builtins.filter((builtin) => !registered.some((entry) => sameName(entry, builtin)));
      const detailed = [...shown.map(builtinView), ...registered.map(registeredView)].sort((a, b) =>
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
      const entries = [...plugins.builtins, ...(await plugins.list())].filter((entry) => entry.type === type);
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
      const type = typeOf(fields.type);
      const entry = await plugins.get(type, fields.name, fields.version);
      if (entry !== undefined) return { data: entryView(entry) };
      const builtin = plugins.builtins.find((each) => each.name === fields.name && each.type === type);
      return builtin && { data: { args: [], command: '', sha256: '', ...builtinView(builtin) } };
    },
    write: async ({ fields }) => {
      const { name, command = name, args, env, version } = fields;
      const sha256 = fields.sha256 ?? fields.sha_256;
      if (sha256 === undefined || sha256 === '') throw new CofferError('invalid-request', 'missing SHA-256 value');
      const entry = { name, type: typeOf(fields.type), command, args, env, sha256, version };
      await checkCommand(directory, command);
      await plugins.register(entry);
      return undefined;
    },
    delete: async ({ fields }) => {
      await plugins.deregister(typeOf(fields.type), fields.name, fields.version);
      return undefined;
    },
  });
}

/** Only the word: a policy would not match another spelling. */
function typeInUrl(given: string | undefined): PluginType {
  return parsePluginType(given ?? '');
}

/** The CLI sends a number in the body and the word in the path, and the path wins. */
function typeInBody(given: string | undefined): PluginType {
  if (given === undefined) throw new CofferError('invalid-request', 'missing type: one of auth, database, secret');
  return TYPE_NUMBERS.get(given) ?? parsePluginType(given);
}

function sameName(entry: PluginEntry, builtin: BuiltinPlugin): boolean {
  return entry.name === builtin.name && entry.type === builtin.type;
}

function builtinView({ name, type, version }: BuiltinPlugin) {
  return { builtin: true, deprecation_status: 'supported', name, type, version };
}

function registeredView({ name, type, sha256, version }: PluginEntry) {
  return { builtin: false, name, sha256, type, version };
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
