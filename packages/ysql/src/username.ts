import { randomBase62 } from '@coffer/base';
import type { UsernameConfig } from '@coffer/database-plugin';
import { parseTemplate } from '@coffer/text-template';
import { clipName } from './roles.ts';

export type NameMaker = (config: UsernameConfig) => string;

/**
 * Makes user names from a template of Go's text/template (fields .DisplayName and .RoleName); an empty template means the
 * Go plugin's default, `v-<display name>-<role>-<random>-<unix time>`. Names are cut to 63 bytes, as the server would.
 *
 * @throws CofferError `invalid-request` naming `username_template`, also when it cannot be rendered
 */
export function createNameMaker(template: string): NameMaker {
  if (template === '') return (config) => clipName(defaultName(config));
  const parsed = parseTemplate(template);
  const make: NameMaker = (config) =>
    clipName(parsed.render({ DisplayName: config.displayName, RoleName: config.roleName }));
  make({ displayName: '', roleName: '' });
  return make;
}

function defaultName(config: UsernameConfig): string {
  const seconds = Math.floor(Date.now() / 1000);
  return `v-${clipName(config.displayName, 8)}-${clipName(config.roleName, 8)}-${randomBase62(20)}-${seconds}`;
}
