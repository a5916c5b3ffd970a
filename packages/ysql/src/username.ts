import { CofferError, isCofferError, randomBase62 } from '@coffer/base';
import type { UsernameConfig } from '@coffer/database-plugin';
import { parseTemplate } from '@coffer/text-template';
import { clipName } from './roles.ts';

const LONG = 'name'.repeat(50);

export type NameMaker = (config: UsernameConfig) => string;

/**
 * Makes user names from a template of Go's text/template (fields .DisplayName and .RoleName); an empty template means the
 * Go plugin's default, `v-<display name>-<role>-<random>-<unix time>`. Names are cut to 63 bytes, as the server would.
 *
 * @throws CofferError `invalid-request` naming `username_template`, also when it cannot be rendered
 */
export function createNameMaker(template: string): NameMaker {
  if (template === '') return (config) => clipName(defaultName(config));
  return namingField(() => {
    const parsed = parseTemplate(template);
    const make: NameMaker = ({ displayName, roleName }) =>
      clipName(namingField(() => parsed.render({ DisplayName: displayName, RoleName: roleName })));
    // With and without, so that both sides of an `if` are seen.
    make({ displayName: '', roleName: '' });
    make({ displayName: LONG, roleName: LONG });
    return make;
  });
}

function namingField<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isCofferError(error) || error.message.startsWith('field ')) throw error;
    throw new CofferError(error.code, `field "username_template": ${error.message}`, { cause: error.cause });
  }
}

function defaultName(config: UsernameConfig): string {
  const seconds = Math.floor(Date.now() / 1000);
  return `v-${clipName(config.displayName, 8)}-${clipName(config.roleName, 8)}-${randomBase62(20)}-${seconds}`;
}
