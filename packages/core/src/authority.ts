import { CofferError, isCofferError } from '@coffer/base';
import type { TokenEntry } from '@coffer/framework';
import type { Identities, Identity } from './identity/identities.ts';
import type { MountTable } from './mounts/mount-table.ts';
import { foldsNames } from './mounts/router.ts';
import type { Acl } from './policies/acl.ts';
import { foldedCapabilities } from './policies/folded-acl.ts';
import type { PolicyStore } from './policies/policies.ts';

interface AuthorityParts {
  readonly policies: PolicyStore;
  readonly identities: Identities;
  readonly mounts: MountTable;
}

/** What tokens that are valid may do: by themselves, and by whom they stand for. */
export class Authority {
  readonly #parts: AuthorityParts;

  constructor(parts: AuthorityParts) {
    this.#parts = parts;
  }

  /** @throws CofferError `permission-denied` for a token that may be used no more: see {@link identityOf} */
  async aclOf(token: TokenEntry): Promise<Acl> {
    return this.aclWith(token, await this.identityOf(token));
  }

  /** The same for whoever has asked for its identity already. */
  aclWith(token: TokenEntry, identity: Identity | undefined): Promise<Acl> {
    return this.#parts.policies.acl(token.policies, identity);
  }

  /**
   * Whom a token stands for; undefined for nobody in particular.
   * @throws CofferError `permission-denied` when the entity is disabled or gone, or the mount that issued a batch token is, which
   *   has no row that could go with it
   */
  async identityOf(token: TokenEntry): Promise<Identity | undefined> {
    const { identities, mounts } = this.#parts;
    if (token.entityId === undefined && token.issuer === undefined) return undefined;
    if (token.issuer !== undefined && mounts.byAccessor(token.issuer) === undefined) {
      throw new CofferError('permission-denied', 'permission denied');
    }
    return identities.require(token);
  }

  /** What the identity of a token adds to its own policies; nothing where there is none any more. */
  async identityPoliciesOf({ entityId }: TokenEntry): Promise<readonly string[]> {
    const identity = entityId === undefined ? undefined : await this.#parts.identities.find(entityId);
    return identity?.policies ?? [];
  }

  /** What a token may do on a path: its capabilities, sorted; `deny` alone when there are none. */
  async capabilitiesOf(token: TokenEntry): Promise<(path: string) => string[]> {
    try {
      const acl = await this.aclOf(token);
      return (path) => (foldsNames(this.#parts.mounts, path) ? foldedCapabilities(acl, path) : acl.capabilities(path));
    } catch (thrown) {
      if (isCofferError(thrown, 'permission-denied')) return () => ['deny'];
      throw thrown;
    }
  }
}
