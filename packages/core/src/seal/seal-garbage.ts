import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Makes V8 free unreachable memory now rather than when memory runs short: OpenSSL wipes a key along with its object, and text
 * that was read from a request gets overwritten.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  setFlagsFromString('--no-expose-gc');
  // Otherwise pages that are only half empty are kept as they are, with what was in them.
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
