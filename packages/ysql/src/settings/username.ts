import { CofferError, isCofferError, randomBase62 } from '@coffer/base';
import type { UsernameConfig } from '@coffer/database-plugin';
import { parseTemplate } from '@coffer/text-template';
import { clipName } from '../sql/role-name.ts';

export interface Username {
  readonly name: string;
  /** It contains so much that was drawn at random that nobody can already have it. */
  readonly unique: boolean;
}

export type NameMaker = (config: UsernameConfig) => Username;

/** How many letters and digits of one random draw make a name unique: 95 bits, or the 122 of a UUID. */
const UNIQUE_LENGTH = 16;
const LONG = 'name'.repeat(50);

/**
 * Makes user names from a Go text/template (with the fields .DisplayName and .RoleName). An empty template stands for the Go
 * plugin's default, `v-<display name>-<role>-<random>-<unix time>`. Names are cut to 63 bytes, as the server would cut them.
 *
 * @throws CofferError `invalid-request` naming `username_template`, also if it parses but cannot be rendered
 */
export function createNameMaker(template: string): NameMaker {
  if (template === '') return defaultName;
  return namingField(() => {
    const parsed = parseTemplate(template);
    const make: NameMaker = ({ displayName, roleName }) => {
      const draws: string[] = [];
      const data = { DisplayName: displayName, RoleName: roleName };
      const name = namingField(() => parsed.render(data, { drawn: (text) => draws.push(text) }));
      return username(name, draws);
    };
    // With values and without, so that both branches of an `if` are tried.
    make({ displayName: '', roleName: '' });
    make({ displayName: LONG, roleName: LONG });
    return make;
  });
}

/** A draw may have been cut or changed since. It counts only if the name still contains it. */
function username(text: string, draws: readonly string[]): Username {
  const name = clipName(text);
  return { name, unique: draws.some((draw) => draw.length >= UNIQUE_LENGTH && name.includes(draw)) };
}

function namingField<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!isCofferError(error) || error.message.startsWith('field ')) throw error;
    throw new CofferError(error.code, `field "username_template": ${error.message}`, { cause: error.cause });
  }
}

function defaultName(config: UsernameConfig): Username {
  const seconds = Math.floor(Date.now() / 1000);
  const draw = randomBase62(20);
  return username(`v-${clipName(config.displayName, 8)}-${clipName(config.roleName, 8)}-${draw}-${seconds}`, [draw]);
}
