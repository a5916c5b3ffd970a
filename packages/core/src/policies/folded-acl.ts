import { foldName } from '@coffer/framework';
import type { Acl } from './acl.ts';

/**
 * An ACL that also asks about a path in lower case where an engine folds a name in it: a rule for `users/boss` or
 * `users/Boss` then counts for every spelling. What is allowed must be allowed as sent too, as in Vault, so this only ever
 * takes away.
 */
export function withFoldedNames(acl: Acl, folds: (path: string) => boolean): Acl {
  return {
    allows: (operation, path, ...rest) =>
      acl.allows(operation, path, ...rest) && (!folds(path) || acl.folded().allows(operation, foldName(path), ...rest)),
    capabilities(path) {
      const sent = acl.capabilities(path);
      if (!folds(path)) return sent;
      const folded = acl.folded().capabilities(foldName(path));
      const both = sent.filter((capability) => folded.includes(capability));
      return both.length > 0 ? both : ['deny'];
    },
    folded: () => acl.folded(),
  };
}
