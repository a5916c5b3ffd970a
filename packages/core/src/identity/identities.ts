import { CofferError } from '@coffer/base';
import { foldName, ROOT_POLICY, type TokenEntry, UNASSIGNABLE_POLICIES } from '@coffer/framework';
import type { SqlResult, SqlRow, SqlStatement, Store } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';
import type { ChangeKey, Epochs } from '../epochs/epochs.ts';
import { FreshCache } from '../epochs/fresh-cache.ts';
import { type Alias, type AliasKind, type Entity, type Group, IdentitySeal } from './identity.ts';

/** A group that somebody is in, with its alias if it is an external one that has one. */
export interface GroupOfEntity extends Group {
  readonly alias?: Alias;
  /** Not only by way of another group. */
  readonly direct: boolean;
}

/** All that an entity brings to a request. A new object whenever anything of it has changed. */
export interface Identity {
  readonly entity: Entity;
  readonly aliases: readonly Alias[];
  readonly groups: readonly GroupOfEntity[];
  /** Of the entity and of its groups: sorted, each once. */
  readonly policies: readonly string[];
}

/** Entities kept in memory. */
const KEPT = 4_096;
/** Aliases forgotten in one transaction. */
const PAGE = 500;
/** Kept only up to so many groups, so that the limit above is one of memory too. */
const KEPT_GROUPS = 1_024;

/** Every group of an entity: those it is in, and those that these are in. A LEFT JOIN: see `markFamilies`. */
const GROUPS_OF = `WITH RECURSIVE up (id) AS (
    SELECT group_id FROM identity_members WHERE member_id = $1
    UNION SELECT m.group_id FROM up LEFT JOIN identity_members AS m ON m.member_id = up.id
  )`;

/** Told to every node when groups have changed: anybody's policies may have. */
const EVERYBODY = 'identity/';

/** Reads identities, and keeps those that were used last: as new as the store when a request began. */
export class Identities {
  readonly store: Store;
  readonly epochs: Epochs;
  readonly seal: IdentitySeal;
  readonly #kept = new FreshCache<Identity>(KEPT);

  constructor(store: Store, barrier: Barrier, epochs: Epochs) {
    this.store = store;
    this.epochs = epochs;
    this.seal = new IdentitySeal(barrier);
    epochs.follow('identity', (names) => this.#kept.drop(names?.includes('') === true ? undefined : names));
  }

  /** Undefined when there is no such entity. */
  async find(entityId: string): Promise<Identity | undefined> {
    return this.#kept.get(
      entityId,
      () => this.#read(entityId),
      ({ groups }) => groups.length <= KEPT_GROUPS,
    );
  }

  /**
   * Whom a token stands for; undefined when for nobody in particular.
   * @throws CofferError `permission-denied` when the entity is disabled or gone (hashicorp/vault:vault/request_handling.go CheckToken)
   */
  async require({ entityId }: Pick<TokenEntry, 'entityId'>): Promise<Identity | undefined> {
    if (entityId === undefined) return undefined;
    const identity = await this.find(entityId);
    if (identity !== undefined && !identity.entity.disabled) return identity;
    throw new CofferError('permission-denied', 'permission denied');
  }

  /**
   * Runs statements in one transaction that tells every node whose identity it changes; undefined: anybody's. With
   * `oneAfterTheOther`, they see what every such transaction before has done.
   */
  async write(
    entityIds: readonly string[] | undefined,
    statements: readonly SqlStatement[],
    options?: { readonly oneAfterTheOther: boolean },
  ): Promise<readonly SqlResult[]> {
    const keys: ChangeKey[] =
      entityIds === undefined ? [EVERYBODY] : entityIds.map((id): ChangeKey => `identity/${id}`);
    return this.#kept.write(entityIds, () => this.epochs.write(keys, statements, options));
  }

  /** Forgets by what an auth method knew entities and groups, and whom it has said to be in groups. */
  async forgetMount(accessor: string): Promise<void> {
    const groups = await this.aliases('mount_accessor = $1 AND kind = $2', accessor, 'group');
    for (const { canonicalId } of groups) {
      const sql = 'DELETE FROM identity_members WHERE group_id = $1';
      await this.write(undefined, [{ sql, params: [canonicalId] }], { oneAfterTheOther: true });
    }
    for (;;) {
      const { rows } = await this.store.run('SELECT id FROM identity_aliases WHERE mount_accessor = $1 LIMIT $2', [
        accessor,
        PAGE,
      ]);
      if (rows.length === 0) return;
      const ids = rows.map((row) => String(row['id']));
      const list = ids.map((_, index) => `$${index + 1}`).join(', ');
      const sql = `DELETE FROM identity_aliases WHERE id IN (${list})`;
      await this.write(undefined, [{ sql, params: ids }], { oneAfterTheOther: true });
    }
  }

  /** Of all entities or groups, in the order of their ids. */
  async everyAlias(kind: AliasKind): Promise<Alias[]> {
    const { rows } = await this.store.run('SELECT * FROM identity_aliases AS every');
    const all = rows.map((row) => this.seal.openAlias(row)).filter((alias) => alias.kind === kind);
    return all.sort((x, y) => (x.id < y.id ? -1 : 1));
  }

  /** The entity that an auth method knows by this name, or the group. */
  async aliasOf(kind: AliasKind, mountAccessor: string, name: string): Promise<Alias | undefined> {
    const [alias] = await this.aliases(
      'mount_accessor = $1 AND kind = $2 AND name = $3',
      mountAccessor,
      kind,
      foldName(name),
    );
    return alias;
  }

  /** Those for which an SQL condition holds, in the order of their ids. */
  async aliases(where: string, ...params: string[]): Promise<Alias[]> {
    const { rows } = await this.store.run(`SELECT * FROM identity_aliases WHERE ${where}`, params);
    return rows.map((row) => this.seal.openAlias(row)).sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  async #read(entityId: string): Promise<Identity | undefined> {
    const { rows } = await this.store.run('SELECT * FROM identity_entities WHERE id = $1', [entityId]);
    if (rows[0] === undefined) return undefined;
    const entity = this.seal.openEntity(rows[0]);
    const aliases = await this.aliases('canonical_id = $1', entityId);
    const groups = await this.#groupsOf(entityId);
    const policies = new Set([entity, ...groups].flatMap((each) => each.policies).filter(isAssignable));
    return { entity, aliases: aliases.filter(({ kind }) => kind === 'entity'), groups, policies: [...policies].sort() };
  }

  /** Follows only memberships that are sealed: a row that somebody has put there makes nobody a member. */
  async #groupsOf(entityId: string): Promise<GroupOfEntity[]> {
    const found = await this.store.run(
      `${GROUPS_OF} SELECT m.* FROM up LEFT JOIN identity_members AS m ON m.group_id = up.id
         WHERE m.member_id = $1 OR m.member_id IN (SELECT id FROM up)`,
      [entityId],
    );
    if (found.rows.length === 0) return [];
    const parents = Map.groupBy(
      found.rows.filter(isThere).map((row) => this.seal.openMember(row)),
      ({ memberId }) => memberId,
    );
    const direct = new Set((parents.get(entityId) ?? []).map(({ groupId }) => groupId));
    const all = new Set<string>();
    const follow = [...direct];
    for (let id = follow.pop(); id !== undefined; id = follow.pop()) {
      if (all.has(id)) continue;
      all.add(id);
      follow.push(...(parents.get(id) ?? []).map(({ groupId }) => groupId));
    }
    const { rows } = await this.store.run(
      `${GROUPS_OF} SELECT g.* FROM up LEFT JOIN identity_groups AS g ON g.id = up.id`,
      [entityId],
    );
    const aliases = new Map((await this.#aliasesOfGroups(entityId)).map((alias) => [alias.canonicalId, alias]));
    return rows
      .filter(isThere)
      .map((row) => this.seal.openGroup(row))
      .filter(({ id }) => all.has(id))
      .sort((a, b) => (a.id < b.id ? -1 : 1))
      .map((group) => {
        const alias = aliases.get(group.id);
        return { ...group, direct: direct.has(group.id), ...(alias && { alias }) };
      });
  }

  async #aliasesOfGroups(entityId: string): Promise<Alias[]> {
    const { rows } = await this.store.run(
      `${GROUPS_OF} SELECT a.* FROM up LEFT JOIN identity_aliases AS a ON a.canonical_id = up.id`,
      [entityId],
    );
    return rows.filter(isThere).map((row) => this.seal.openAlias(row));
  }
}

/** Not what a LEFT JOIN has added where there was nothing. */
function isThere(row: SqlRow): boolean {
  return row['value'] instanceof Uint8Array;
}

/** No entity makes root of a token, nor gives it what only the server gives. */
function isAssignable(policy: string): boolean {
  return policy !== ROOT_POLICY && !UNASSIGNABLE_POLICIES.includes(policy);
}
