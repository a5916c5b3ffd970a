import { serverFailure } from '../../failure.ts';

/** The numbers that the API knows the types by (openbao/openbao:api/plugin_types.go). */
const PLUGIN_TYPES = { unknown: 0, auth: 1, database: 2, secret: 3 } as const;
export type PluginType = keyof typeof PLUGIN_TYPES;

/** @throws CommandFailure (exit code 2) for a word that is no type */
export function parsePluginType(word: string): PluginType {
  const type = word.trim();
  if (Object.hasOwn(PLUGIN_TYPES, type)) return type as PluginType;
  throw serverFailure(`${JSON.stringify(type)} is not a supported plugin type; use "auth", "database" or "secret"`);
}

export function pluginTypeNumber(type: PluginType): number {
  return PLUGIN_TYPES[type];
}

/** TYPE NAME, or NAME alone in the old way that leaves the type open. */
export function parsePluginName(words: readonly string[]): { type: PluginType; name: string } {
  const type = words.length > 1 ? parsePluginType(words[0] ?? '') : 'unknown';
  return { type, name: words.at(-1)?.trim() ?? '' };
}

export function catalogPath({ type, name }: { type: PluginType; name: string }): string {
  return type === 'unknown' ? `sys/plugins/catalog/${name}` : `sys/plugins/catalog/${type}/${name}`;
}
