import { CofferError, isCofferError } from '@coffer/base';
import type { Found } from './item.ts';
import { endsTheMove, type Side } from './side.ts';

const TABLE = 'sys/namespaces';

/**
 * The namespaces of the source below the one that is read (`within`, the first one by default): each is a move of its own. A Vault without
 * them has no such path, or refuses it to a token that may not see it: nothing is missing then.
 */
export async function* namespaces(source: Side, within = ''): AsyncGenerator<Found> {
  const stays = (path: string, left: string): Found => ({ kind: 'namespace', path, left, missing: false });
  const flag = (name: string): string => `-from-namespace=${name}`;
  let names: string[];
  try {
    names = await source.list(TABLE);
  } catch (thrown) {
    if (endsTheMove(thrown)) throw thrown;
    if (isCofferError(thrown, 'not-found')) return;
    const { message } = CofferError.from(thrown);
    yield stays(TABLE, `not read: ${message}; if there are any, move each with ${flag('NAME')}`);
    return;
  }
  for (const name of names) {
    const whole = [...(within === '' ? [] : [within]), name].join('/').replaceAll(/\/+/g, '/').replace(/\/$/, '');
    yield stays(`${TABLE}/${name}`, `a move of its own: run the command again with ${flag(whole)}`);
  }
}
