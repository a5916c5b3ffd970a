import { CofferError } from '@coffer/base';
import { foldName } from '@coffer/framework';
import type { SqlRow, SqlStatement } from '@coffer/store';
import { insertWhile } from '../barrier/insert-while.ts';
import { ORDERLY, type MountOf } from './alias-store.ts';
import type { Identities } from './identities.ts';
import { insertionOf } from './identity-login.ts';
import { type Alias, type AliasKind, type Group, newAlias, newGroup } from './identity.ts';
import { checkMetadata } from './metadata.ts';

/** A group with what hangs on it; ids are sorted. */
export interface GroupWithMembers {
  readonly group: Group;
  readonly alias?: Alias;
  readonly entityIds: readonly string[];
  readonly groupIds: readonly string[];
  readonly parentIds: readonly string[];
}

/** What a group is to have; absent: as it is. */
export interface Members {
  readonly entityIds?: readonly string[];
  readonly groupIds?: readonly string[];
}

/** What is asked for of the alias of a group. */
interface GroupAliasChange {
  readonly name: string;
  readonly mountAccessor: string;
  /** The group's id; empty for the one that has it, or a new one. */
  readonly canonicalId: string;
}

/** Groups as operators manage them. */
export class GroupStore {
  readonly #identities: Identities;
  readonly #mountOf: MountOf;

  constructor(identities: Identities, mountOf: MountOf) {
    this.#identities = identities;
    this.#mountOf = mountOf;
  }

  byId(id: string): Promise<Group | undefined> {
    return this.#one('id', id);
  }

  byName(name: string): Promise<Group | undefined> {
    return this.#one('name', foldName(name));
  }

  async withMembers(group: Group): Promise<GroupWithMembers> {
    const [alias] = await this.#identities.aliases('canonical_id = $1', group.id);
    const members = await this.#members('group_id = $1', group.id);
    const parents = await this.#members('member_id = $1', group.id);
    const ids = (kind: AliasKind): string[] =>
      members.filter((each) => each.kind === kind).map(({ memberId }) => memberId);
    return {
      group,
      ...(alias && { alias }),
      entityIds: ids('entity').sort(),
      groupIds: ids('group').sort(),
      parentIds: parents.map(({ groupId }) => groupId).sort(),
    };
  }

  /** In the order of their ids. */
  async all(): Promise<readonly GroupWithMembers[]> {
    const { rows } = await this.#identities.store.run('SELECT * FROM identity_groups ORDER BY id');
    return Promise.all(rows.map((row) => this.withMembers(this.#open(row))));
  }

  /**
   * Changes a group, or makes one. `change` is given the group as it is, or a new one.
   * @throws CofferError `invalid-request` for a name that another one has; `failed` for members that do not exist, or would make
   *   a circle, and for metadata that cannot be kept
   */
  async write(
    present: Group | undefined,
    change: (group: Group) => Group,
    members: Members = {},
  ): Promise<{ readonly group: Group; readonly isNew: boolean }> {
    const changed = change(present ?? newGroup('internal'));
    checkMetadata(changed.metadata, 'group');
    const other = await this.byName(changed.name);
    if (other !== undefined && other.id !== changed.id) refuse('group name is already in use');
    await this.#checkMembers(changed.id, members);
    const group =
      present === undefined
        ? changed
        : { ...changed, lastUpdateTime: Date.now(), modifyIndex: changed.modifyIndex + 1 };
    const value = this.#identities.seal.group(group);
    const [written] = await this.#identities.write(
      undefined,
      [this.#upsert(present, group, value), ...this.#membersOf(group.id, value, members)],
      ORDERLY,
    );
    if (written?.changes === 1) return { group, isNew: present === undefined };
    throw new CofferError(
      'unavailable',
      'the group was changed by another request at the same time; repeat the request',
    );
  }

  async delete(group: Group): Promise<void> {
    await this.#identities.write(
      undefined,
      [
        { sql: 'DELETE FROM identity_groups WHERE id = $1', params: [group.id] },
        { sql: 'DELETE FROM identity_aliases WHERE canonical_id = $1', params: [group.id] },
        { sql: 'DELETE FROM identity_members WHERE group_id = $1', params: [group.id] },
        { sql: "DELETE FROM identity_members WHERE member_id = $1 AND kind = 'group'", params: [group.id] },
      ],
      ORDERLY,
    );
  }

  /**
   * Gives a group an alias in the place of the one it has, or moves `alias` there; without a group, to the one it is of, or else
   * to a new one. Undefined when that changes nothing.
   * @throws CofferError `invalid-request` for a mount or group that does not exist, an internal group, and a name in use
   */
  async writeAlias(alias: Alias | undefined, given: GroupAliasChange): Promise<Alias | undefined> {
    const { name, mountAccessor, canonicalId } = given;
    const unmoved = canonicalId === '' || canonicalId === alias?.canonicalId;
    if (alias?.name === name && alias.mountAccessor === mountAccessor && unmoved) return undefined;
    const mount = await this.#checkAlias(alias, given);
    const known = canonicalId || alias?.canonicalId;
    const made = known === undefined ? newGroup('external') : undefined;
    const target = known ?? made?.id ?? '';
    const next = { ...newAlias({ kind: 'group', name, mountAccessor, canonicalId: target }), ...keptOf(alias) };
    const stands = [...mount.stands, { table: 'identity_groups' as const, row: { id: target } }];
    const results = await this.#identities.write(
      undefined,
      [
        ...(made ? [this.#upsert(undefined, made, this.#identities.seal.group(made))] : []),
        { sql: 'DELETE FROM identity_aliases WHERE id = $1', params: [next.id] },
        { sql: 'DELETE FROM identity_aliases WHERE canonical_id = $1', params: [target] },
        insertWhile(insertionOf(this.#identities, next), stands),
      ],
      ORDERLY,
    );
    if (results.at(-1)?.changes === 1) return next;
    throw new CofferError(
      'unavailable',
      'the group alias was changed by another request at the same time; repeat the request',
    );
  }

  async #checkAlias(alias: Alias | undefined, { name, mountAccessor, canonicalId }: GroupAliasChange) {
    if (canonicalId !== '') {
      const group = await this.byId(canonicalId);
      if (group === undefined) refuse("invalid group ID given in 'canonical_id'");
      if (group.type !== 'external') refuse("alias can't be set on an internal group");
    }
    const mount = this.#mountOf(mountAccessor) ?? refuse(`invalid mount accessor ${JSON.stringify(mountAccessor)}`);
    const other = await this.#identities.aliasOf('group', mountAccessor, name);
    if (other === undefined || other.id === alias?.id) return mount;
    return refuse('combination of mount and group alias name is already in use');
  }

  #upsert(present: Group | undefined, group: Group, value: Uint8Array): SqlStatement {
    const params = [group.id, foldName(group.name), value];
    if (present === undefined) {
      const sql = 'INSERT INTO identity_groups (id, name, value) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING';
      return { sql, params };
    }
    return {
      sql: `UPDATE identity_groups SET name = $2, value = $3 WHERE id = $1 AND value = $4
            AND NOT EXISTS (SELECT 1 FROM identity_groups AS other WHERE other.name = $2 AND other.id <> $1)`,
      params: [...params, this.#identities.seal.sealedOf(present)],
    };
  }

  /** Run behind what writes the group: they do something only if that has. */
  #membersOf(groupId: string, value: Uint8Array, { entityIds, groupIds }: Members): SqlStatement[] {
    const written = 'EXISTS (SELECT 1 FROM identity_groups WHERE id = $1 AND value = $2)';
    return (
      [
        ['entity', entityIds],
        ['group', groupIds],
      ] as const
    ).flatMap(([kind, ids]) => {
      if (ids === undefined) return [];
      const table = kind === 'entity' ? 'identity_entities' : 'identity_groups';
      return [
        {
          sql: `DELETE FROM identity_members WHERE group_id = $1 AND kind = $3 AND ${written}`,
          params: [groupId, value, kind],
        },
        ...ids.map((id) => ({
          sql: `INSERT INTO identity_members (group_id, member_id, kind, value) SELECT $1, $3, $4, $5
                WHERE ${written} AND EXISTS (SELECT 1 FROM ${table} WHERE id = $3) ON CONFLICT DO NOTHING`,
          params: [groupId, value, id, kind, this.#identities.seal.member(groupId, id, kind)],
        })),
      ];
    });
  }

  async #checkMembers(groupId: string, { entityIds = [], groupIds = [] }: Members): Promise<void> {
    for (const id of entityIds) {
      if ((await this.#identities.find(id)) === undefined) fail(`invalid entity ID ${JSON.stringify(id)}`);
    }
    for (const id of groupIds) {
      if ((await this.byId(id)) === undefined) fail(`invalid member group ID ${JSON.stringify(id)}`);
      if (id === groupId) fail(`member group ID ${JSON.stringify(id)} is same as the ID of the group`);
      if (await this.#isBelow(groupId, id))
        refuse(`cyclic relationship detected for member group ID ${JSON.stringify(id)}`);
    }
  }

  /** Whether a group is a member of another, or of one of its members, and so on. */
  async #isBelow(groupId: string, other: string): Promise<boolean> {
    const { rows } = await this.#identities.store.run(
      `WITH RECURSIVE down (id) AS (
         SELECT member_id FROM identity_members WHERE group_id = $1
         UNION SELECT m.member_id FROM down LEFT JOIN identity_members AS m ON m.group_id = down.id
       ) SELECT 1 FROM down WHERE id = $2`,
      [other, groupId],
    );
    return rows.length > 0;
  }

  async #members(where: string, id: string) {
    const { rows } = await this.#identities.store.run(`SELECT * FROM identity_members WHERE ${where}`, [id]);
    return rows.map((row) => this.#identities.seal.openMember(row));
  }

  async #one(column: 'id' | 'name', value: string): Promise<Group | undefined> {
    const { rows } = await this.#identities.store.run(`SELECT * FROM identity_groups WHERE ${column} = $1`, [value]);
    return rows[0] && this.#open(rows[0]);
  }

  #open(row: SqlRow): Group {
    return this.#identities.seal.openGroup(row);
  }
}

/** What an alias that is moved or renamed keeps. */
function keptOf(alias: Alias | undefined): Partial<Pick<Alias, 'id' | 'creationTime'>> {
  return alias === undefined ? {} : { id: alias.id, creationTime: alias.creationTime };
}

function refuse(message: string): never {
  throw new CofferError('invalid-request', message);
}

function fail(message: string): never {
  throw new CofferError('failed', message);
}
