/**
 * A path in which an engine folds a name is asked about in lower case too: a rule for `users/boss` or `users/Boss` then counts
 * for every spelling. What is allowed must be allowed as sent as well, as in Vault, so this only ever takes away.
 */
import { foldName } from '@coffer/framework';
import type { Acl } from './acl.ts';

/** As {@link Acl.allows}, on such a path. */
export function allowsFolded(acl: Acl, ...[operation, path, ...rest]: Parameters<Acl['allows']>): boolean {
  return acl.allows(operation, path, ...rest) && acl.folded().allows(operation, foldName(path), ...rest);
}

/** As {@link Acl.capabilities}, on such a path. */
export function foldedCapabilities(acl: Acl, path: string): string[] {
  const folded = acl.folded().capabilities(foldName(path));
  const both = acl.capabilities(path).filter((capability) => folded.includes(capability));
  return both.length > 0 ? both : ['deny'];
}
