import type { JsonObject } from '@coffer/base';
import { findConnectionField } from './connection-fields.ts';
import type { UrlSettings } from './settings-url.ts';
import { canonical, isGiven } from './values.ts';

/**
 * What a connection URL says by itself, by the names of the fields that say the same. A user or password for which it has a
 * placeholder is none of it.
 */
export function saidBy(url: UrlSettings): ReadonlyMap<string, string> {
  const said = new Map<string, string>();
  const ports = new Set(url.hosts.map(({ port = 5433 }) => String(port)));
  said.set('host', canonical('host', url.hosts.map(({ host }) => host).join(',')));
  said.set('port', [...ports].join(','));
  if (url.database !== undefined) said.set('db', url.database);
  for (const [name, value] of Object.entries(url.fields)) said.set(name, canonical(name, value));
  for (const name of ['username', 'password'] as const) {
    const value = url[name];
    if (value !== undefined && url.literal.has(name)) said.set(name, value);
  }
  return said;
}

/** The names of the fields that say something else than the URL. */
export function contradictions(config: JsonObject, said: ReadonlyMap<string, string>): readonly string[] {
  return [...said].flatMap(([name, value]) => {
    const given = config[name];
    return isGiven(given) && canonical(name, given) !== value ? [name] : [];
  });
}

/** Which field it is, with what both say where that can be shown. */
export function contradiction(
  name: string,
  config: JsonObject,
  said: ReadonlyMap<string, string>,
  url: 'connection_url' | 'the stored connection_url',
): string {
  const field = findConnectionField(name);
  // Free text of a URL may hold a part of a password that was not encoded.
  const shown = field !== undefined && (field.type !== 'string' || field.choices !== undefined);
  const own = shown ? ` (${canonical(name, config[name])})` : '';
  return `field "${name}"${own} contradicts ${url}${shown ? ` (${said.get(name) ?? ''})` : ''}`;
}

/** What to do about it when both were written at once. */
export function remedy(name: string): string {
  return name === 'username' || name === 'password'
    ? `write {{${name}}} in connection_url instead`
    : 'remove one of them';
}
