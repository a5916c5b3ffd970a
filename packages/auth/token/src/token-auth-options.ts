import type { Engine, TokenEntry, TokenStore } from '@coffer/framework';

/** What the method needs beyond its own mount. */
export interface TokenAuthOptions {
  readonly tokens: TokenStore;
  /** Whether a token may do what needs `sudo` at `path`. */
  readonly hasSudo: (token: TokenEntry, path: string) => Promise<boolean>;
  /** What the entity that a token stands for adds to its own policies. */
  readonly identityPoliciesOf: (token: TokenEntry) => Promise<readonly string[]>;
  /** The engine or method that a path belongs to. */
  readonly engineFor: (path: string) => Engine | undefined;
}
