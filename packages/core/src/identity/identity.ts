import { type JsonObject, randomId } from '@coffer/base';
import { foldName, stored } from '@coffer/framework';
import type { SqlRow } from '@coffer/store';
import type { Barrier } from '../barrier/barrier.ts';

/**
 * Somebody, whatever they log in with (hashicorp/vault:helper/identity/types.proto). Times are milliseconds since 1970. Names
 * keep their case, and do not distinguish it.
 */
export interface Entity {
  readonly id: string;
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly policies: readonly string[];
  /** Its tokens are refused while it is so. */
  readonly disabled: boolean;
  readonly creationTime: number;
  readonly lastUpdateTime: number;
}

export type GroupType = 'internal' | 'external';

export interface Group {
  readonly id: string;
  readonly name: string;
  /** Members of an external one are those whom its alias's auth method says are in it. */
  readonly type: GroupType;
  readonly metadata: Readonly<Record<string, string>> | null;
  readonly policies: readonly string[];
  readonly creationTime: number;
  readonly lastUpdateTime: number;
  /** How often it was changed. */
  readonly modifyIndex: number;
}

/** By what an auth method, where it is mounted, knows an entity or a group. */
export interface Alias {
  readonly id: string;
  readonly kind: AliasKind;
  /** The entity's or the group's id. */
  readonly canonicalId: string;
  readonly mountAccessor: string;
  readonly name: string;
  /** As the auth method said at the latest login. */
  readonly metadata: Readonly<Record<string, string>> | null;
  /** As an operator said. */
  readonly customMetadata: Readonly<Record<string, string>> | null;
  readonly creationTime: number;
  readonly lastUpdateTime: number;
}
export type AliasKind = 'entity' | 'group';

/** What says that somebody is in a group. */
interface Membership {
  readonly groupId: string;
  readonly memberId: string;
  readonly kind: AliasKind;
}

const { boolean, entry, integer, nullable, oneOf, string, stringMap, strings } = stored;

const ENTITY = entry<Entity>({
  id: string(),
  name: string(),
  metadata: nullable(stringMap()),
  policies: strings(),
  disabled: boolean(),
  creationTime: integer(),
  lastUpdateTime: integer(),
});
const GROUP = entry<Group>({
  id: string(),
  name: string(),
  type: oneOf(['internal', 'external']),
  metadata: nullable(stringMap()),
  policies: strings(),
  creationTime: integer(),
  lastUpdateTime: integer(),
  modifyIndex: integer(),
});
const ALIAS = entry<Alias>({
  id: string(),
  kind: oneOf(['entity', 'group']),
  canonicalId: string(),
  mountAccessor: string(),
  name: string(),
  metadata: nullable(stringMap()),
  customMetadata: nullable(stringMap()),
  creationTime: integer(),
  lastUpdateTime: integer(),
});
const MEMBERSHIP = entry<Membership>({ groupId: string(), memberId: string(), kind: oneOf(['entity', 'group']) });

/** A new entity; its name is made up where none is given, as in Vault. */
export function newEntity(name = ''): Entity {
  const now = Date.now();
  return {
    id: randomId(),
    name: name === '' ? `entity_${randomId().slice(0, 8)}` : name,
    metadata: null,
    policies: [],
    disabled: false,
    creationTime: now,
    lastUpdateTime: now,
  };
}

export function newGroup(type: GroupType, name = ''): Group {
  const now = Date.now();
  return {
    id: randomId(),
    name: name === '' ? `group_${randomId().slice(0, 8)}` : name,
    type,
    metadata: null,
    policies: [],
    creationTime: now,
    lastUpdateTime: now,
    modifyIndex: 1,
  };
}

export function newAlias(
  given: Pick<Alias, 'kind' | 'canonicalId' | 'mountAccessor' | 'name'> &
    Partial<Pick<Alias, 'metadata' | 'customMetadata'>>,
): Alias {
  const now = Date.now();
  return { id: randomId(), metadata: null, customMetadata: null, creationTime: now, lastUpdateTime: now, ...given };
}

/** Seals the rows of identities, and opens them. What is in a sealed value counts; the columns only find it. */
export class IdentitySeal {
  readonly #barrier: Barrier;
  readonly #sealed = new WeakMap<object, Uint8Array>();

  constructor(barrier: Barrier) {
    this.#barrier = barrier;
  }

  entity(entity: Entity): Uint8Array {
    return this.#barrier.seal(`identity_entities/${entity.id}`, entity);
  }

  group(group: Group): Uint8Array {
    return this.#barrier.seal(`identity_groups/${group.id}`, group);
  }

  alias(alias: Alias): Uint8Array {
    return this.#barrier.seal(`identity_aliases/${alias.id}`, alias);
  }

  member(groupId: string, memberId: string, kind: AliasKind): Uint8Array {
    return this.#barrier.seal(memberRow(groupId, memberId), { groupId, memberId, kind });
  }

  /** @throws CofferError `failed` naming the row when it is damaged */
  openEntity(row: SqlRow): Entity {
    const entity = this.#open('identity_entities', row, ENTITY);
    same(row, { id: entity.id, name: foldName(entity.name) }, 'identity_entities');
    return entity;
  }

  openGroup(row: SqlRow): Group {
    const group = this.#open('identity_groups', row, GROUP);
    same(row, { id: group.id, name: foldName(group.name) }, 'identity_groups');
    return group;
  }

  openAlias(row: SqlRow): Alias {
    const alias = this.#open('identity_aliases', row, ALIAS);
    const { id, kind, canonicalId, mountAccessor, name } = alias;
    const columns = { id, kind, canonical_id: canonicalId, mount_accessor: mountAccessor, name: foldName(name) };
    same(row, columns, 'identity_aliases');
    return alias;
  }

  openMember(row: SqlRow): Membership {
    const place = memberRow(String(row['group_id']), String(row['member_id']));
    const membership = MEMBERSHIP(this.#barrier.open(place, row['value']), place);
    const { groupId, memberId, kind } = membership;
    same(row, { group_id: groupId, member_id: memberId, kind }, 'identity_members');
    return membership;
  }

  /** What a value was opened from: every sealing has its own nonce, so these bytes name one version of it. */
  sealedOf(value: Entity | Group | Alias): Uint8Array {
    return this.#sealed.get(value) ?? new Uint8Array();
  }

  #open<T extends object>(table: string, row: SqlRow, kind: stored.Kind<T>): T {
    const place = `${table}/${String(row['id'])}`;
    const sealed = row['value'];
    const value = kind(this.#barrier.open(place, sealed), place);
    if (sealed instanceof Uint8Array) this.#sealed.set(value, sealed);
    return value;
  }
}

function memberRow(groupId: string, memberId: string): string {
  return `identity_members/${groupId}/${memberId}`;
}

/** A column that somebody has changed behind the barrier's back must make nobody somebody else. */
function same(row: SqlRow, sealed: JsonObject, table: string): void {
  const other = Object.keys(sealed).find((column) => row[column] !== undefined && row[column] !== sealed[column]);
  if (other !== undefined)
    throw stored.damaged(
      `${table}/${String(row['id'] ?? row['group_id'])}`,
      `its column "${other}" is not what it sealed`,
    );
}
