import { CofferError } from '@coffer/base';
import { type Condition, foldName } from '@coffer/framework';
import type { SqlStatement } from '@coffer/store';
import { insertWhile } from '../barrier/insert-while.ts';
import { insertEntity } from './entity-store.ts';
import type { Identities } from './identities.ts';
import { insertionOf } from './identity-login.ts';
import { type Alias, type AliasKind, newAlias, newEntity } from './identity.ts';
import { checkCustomMetadata } from './metadata.ts';

/** The mount that has an accessor, if it stands, with what must hold as long as it does. */
export type MountOf = (accessor: string) => { readonly stands: readonly Condition[] } | undefined;

/** What is asked for of an alias of an entity; what is empty or absent stays. */
export interface AliasChange {
  readonly name: string;
  readonly mountAccessor: string;
  readonly canonicalId: string;
  readonly customMetadata?: Readonly<Record<string, string>>;
}

/** Aliases of entities and groups as operators manage them. */
export class AliasStore {
  readonly #identities: Identities;
  readonly #mountOf: MountOf;

  constructor(identities: Identities, mountOf: MountOf) {
    this.#identities = identities;
    this.#mountOf = mountOf;
  }

  async byId(kind: AliasKind, id: string): Promise<Alias | undefined> {
    const [alias] = await this.#identities.aliases('id = $1 AND kind = $2', id, kind);
    return alias;
  }

  byFactors(kind: AliasKind, mountAccessor: string, name: string): Promise<Alias | undefined> {
    return this.#identities.aliasOf(kind, mountAccessor, name);
  }

  /** Of one entity or group. */
  of(canonicalId: string): Promise<readonly Alias[]> {
    return this.#identities.aliases('canonical_id = $1', canonicalId);
  }

  /** In the order of their ids. */
  all(kind: AliasKind): Promise<readonly Alias[]> {
    return this.#identities.everyAlias(kind);
  }

  /**
   * Makes an alias of an entity, and that as well where `canonicalId` is empty (hashicorp/vault:vault/identity_store_aliases.go).
   * @throws CofferError `invalid-request` when there is no such mount or entity, or it has an alias there; `failed` for metadata
   *   that cannot be kept
   */
  async create({ name, mountAccessor, canonicalId, customMetadata = {} }: AliasChange): Promise<Alias> {
    checkCustomMetadata(customMetadata);
    const { stands } = this.#mount(mountAccessor);
    const entity = canonicalId === '' ? newEntity() : undefined;
    const alias = newAlias({
      ...{ kind: 'entity', name, mountAccessor, customMetadata },
      canonicalId: entity?.id ?? canonicalId,
    });
    const ofEntity: Condition[] =
      entity === undefined ? [{ table: 'identity_entities', row: { id: canonicalId } }] : [];
    const inserted = insertWhile(insertionOf(this.#identities, alias), [...stands, ...ofEntity]);
    const made = await this.#write(
      [alias.canonicalId],
      inserted,
      ...(entity === undefined
        ? []
        : [
            insertEntity(
              this.#identities,
              entity,
              `WHERE EXISTS (SELECT 1 FROM identity_aliases WHERE canonical_id = $1)`,
            ),
          ]),
    );
    if (made) return alias;
    const present = await this.#identities.aliases(
      'canonical_id = $1 AND mount_accessor = $2',
      canonicalId,
      mountAccessor,
    );
    if (present.length > 0) refuse('Alias already exists for requested entity and mount accessor');
    if (ofEntity.length > 0) refuse('invalid canonical ID');
    throw new CofferError('invalid-request', 'alias with combination of mount accessor and name already exists');
  }

  /**
   * Undefined when nothing is to be changed.
   * @throws CofferError `invalid-request` or `failed`, as {@link create}
   */
  async update(alias: Alias, change: AliasChange): Promise<Alias | undefined> {
    const { customMetadata = alias.customMetadata } = change;
    checkCustomMetadata(customMetadata);
    const changed: Alias = {
      ...alias,
      name: change.name || alias.name,
      mountAccessor: change.mountAccessor || alias.mountAccessor,
      canonicalId: change.canonicalId || alias.canonicalId,
      customMetadata,
    };
    if (isSame(alias, changed)) return undefined;
    const { mountAccessor, canonicalId, name } = changed;
    this.#mount(mountAccessor);
    const moves = canonicalId !== alias.canonicalId;
    const inTheWay = await this.#identities.aliases(
      'canonical_id = $1 AND mount_accessor = $2 AND id <> $3',
      ...[canonicalId, mountAccessor, alias.id],
    );
    if (inTheWay.length > 0) {
      refuse(
        moves
          ? 'Alias cannot be updated as the given entity already has an alias for this mount '
          : "Alias cannot be updated as the entity already has an alias for the given 'mount_accessor' ",
      );
    }
    const other = await this.byFactors(alias.kind, mountAccessor, name);
    if (other !== undefined && other.id !== alias.id) {
      refuse('alias with combination of mount accessor and name already exists');
    }
    const written = await this.#write([alias.canonicalId, canonicalId], this.#replacement(alias, changed));
    if (written) return changed;
    const now = await this.byId(alias.kind, alias.id);
    if (now === undefined) refuse('invalid alias ID provided');
    const { rows } = await this.#identities.store.run('SELECT 1 FROM identity_entities WHERE id = $1', [canonicalId]);
    if (rows.length === 0) refuse("given 'canonical_id' is not associated with an entity");
    throw new CofferError(
      'unavailable',
      'the alias was changed by another request at the same time; repeat the request',
    );
  }

  async delete(kind: AliasKind, id: string): Promise<void> {
    const alias = await this.byId(kind, id);
    if (alias === undefined) return;
    const sql = 'DELETE FROM identity_aliases WHERE id = $1';
    await this.#identities.write(kind === 'group' ? undefined : [alias.canonicalId], [{ sql, params: [id] }], ORDERLY);
  }

  /** In the place of `alias`, if it is still as it was read, and nobody else has what it changes to. */
  #replacement(alias: Alias, changed: Alias): SqlStatement {
    const { id, mountAccessor, canonicalId, name, kind } = changed;
    const { seal } = this.#identities;
    const value = seal.alias({ ...changed, lastUpdateTime: Date.now() });
    return {
      sql: `UPDATE identity_aliases SET mount_accessor = $2, canonical_id = $3, name = $4, value = $5 WHERE id = $1 AND value = $6
            AND EXISTS (SELECT 1 FROM identity_entities WHERE id = $3)
            AND NOT EXISTS (SELECT 1 FROM identity_aliases AS o WHERE o.canonical_id = $3 AND o.mount_accessor = $2 AND o.id <> $1)
            AND NOT EXISTS (SELECT 1 FROM identity_aliases AS o WHERE o.mount_accessor = $2 AND o.kind = $7 AND o.name = $4 AND o.id <> $1)`,
      params: [id, mountAccessor, canonicalId, foldName(name), value, seal.sealedOf(alias), kind],
    };
  }

  #mount(accessor: string): { readonly stands: readonly Condition[] } {
    return this.#mountOf(accessor) ?? refuse(`invalid mount accessor ${JSON.stringify(accessor)}`);
  }

  /** Returns whether the first statement changed something. */
  async #write(entityIds: readonly string[], ...statements: readonly SqlStatement[]): Promise<boolean> {
    const [first] = await this.#identities.write(entityIds, statements, ORDERLY);
    return first?.changes === 1;
  }
}

/** Each sees what those before have done. */
export const ORDERLY = { oneAfterTheOther: true };

function isSame(a: Alias, b: Alias): boolean {
  const text = ({ name, mountAccessor, canonicalId, customMetadata }: Alias): string =>
    JSON.stringify([name, mountAccessor, canonicalId, Object.entries(customMetadata ?? {}).toSorted()]);
  return text(a) === text(b);
}

function refuse(message: string): never {
  throw new CofferError('invalid-request', message);
}
