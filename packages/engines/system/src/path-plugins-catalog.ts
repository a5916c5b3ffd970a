import { lstat, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { CofferError, distrust, errorText, type FileTrust, type JsonObject } from '@coffer/base';
import {
  type BuiltinPlugin,
  checkPluginCommand,
  definePath,
  parsePluginType,
  type Path,
  type PluginEntry,
  type PluginType,
} from '@coffer/framework';
import type { CoreServices } from '@coffer/core';

/** The numbers that Vault's clients send for `type` (hashicorp/vault:sdk/helper/consts/plugin_types.go). */
const TYPE_NUMBERS: ReadonlyMap<string, PluginType> = new Map([
  ['1', 'auth'],
  ['2', 'database'],
  ['3', 'secret'],
]);

/** Where registered plugins are. */
export interface PluginDirectory {
  /** Absolute. */
  readonly path: string;
  /** Who may own it and its files, and in which mode. */
  readonly trust?: FileTrust;
}

const FIELDS = {
  name: { type: 'string', required: true, description: 'The name used as plugin_name.' },
  type: { type: 'string', description: 'auth, database or secret.' },
  sha256: { type: 'string', description: 'SHA-256 of the file, hexadecimal; checked before every start.' },
  sha_256: { type: 'string', description: 'Older spelling of sha256.' },
  command: { type: 'string', description: 'The file to run, relative to the plugin directory.' },
  args: { type: 'strings', default: [], description: 'Arguments.' },
  env: { type: 'strings', default: [], description: 'Environment, as KEY=value.' },
  version: { type: 'string', default: '', description: 'Semantic version, or empty.' },
} as const;

/** `sys/plugins/catalog`, `.../:type`, `.../:type/:name`, and the older `.../:name`. */
export function pluginsCatalogPaths(services: CoreServices, directory: PluginDirectory | undefined): Path[] {
  return [
    all(services),
    ofType(services, 'database'),
    ofType(services, 'auth'),
    ofType(services, 'secret'),
    one(services, directory, 'plugins/catalog/:type/:name'),
    one(services, directory, 'plugins/catalog/:name'),
  ];
}

function all({ plugins }: CoreServices): Path {
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

function ofType({ plugins }: CoreServices, type: PluginType): Path {
  return definePath({
    pattern: `plugins/catalog/${type}`,
    fields: {},
    sudo: true,
    synopsis: `Lists the ${type} plugins by name.`,
    list: async () => {
      const entries = [...plugins.builtins, ...(await plugins.list())].filter((entry) => entry.type === type);
      const keys = [...new Set(entries.map((entry) => entry.name))].sort();
      if (keys.length === 0) throw new CofferError('not-found', '');
      return { data: { keys } };
    },
  });
}

function one({ plugins }: CoreServices, directory: PluginDirectory | undefined, pattern: string): Path {
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

/** The word alone: a policy would not know another spelling. */
function typeInUrl(given: string | undefined): PluginType {
  return parsePluginType(given ?? '');
}

/** The CLI sends a number in the body, and the word in the path, which wins. */
function typeInBody(given: string | undefined): PluginType {
  if (given === undefined) throw new CofferError('invalid-request', 'missing type: one of auth, database, secret');
  return TYPE_NUMBERS.get(given) ?? parsePluginType(given);
}

async function checkCommand(directory: PluginDirectory | undefined, command: string): Promise<void> {
  if (directory === undefined) {
    throw new CofferError(
      'invalid-request',
      'plugin directory is not configured: start the server with -dev-plugin-dir=DIR',
    );
  }
  checkPluginCommand(command);
  const path = join(directory.path, command);
  try {
    await lstat(path);
    const [real, root] = await Promise.all([realpath(path), realpath(directory.path)]);
    if (!real.startsWith(root + sep)) {
      throw new CofferError('invalid-request', 'cannot execute files outside of configured plugin directory');
    }
    for (const each of [root, real]) {
      const reason = distrust(each, await stat(each), directory.trust);
      if (reason !== undefined) throw new CofferError('invalid-request', reason);
    }
  } catch (thrown) {
    if (thrown instanceof CofferError) throw thrown;
    throw new CofferError('invalid-request', `field "command": ${errorText(thrown)}`, { cause: thrown });
  }
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
