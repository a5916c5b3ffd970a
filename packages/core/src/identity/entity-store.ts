import { CofferError } from '@coffer/base';
import { foldName } from '@coffer/framework';
import type { SqlRow } from '@coffer/store';
import type { Identities } from './identities.ts';
import { type Alias, type Entity, newEntity } from './identity.ts';
import { checkMetadata } from './metadata.ts';

/** Entities as operators manage them. */
export class EntityStore {
  readonly #identities: Identities;

  constructor(identities: Identities) {
    this.#identities = identities;
  }

  byId(id: string): Promise<Entity | undefined> {
    return this.#one('id', id);
  }

  byName(name: string): Promise<Entity | undefined> {
    return this.#one('name', foldName(name));
  }

  /** Each with its aliases, in the order of the ids. */
  async all(): Promise<readonly { readonly entity: Entity; readonly aliases: readonly Alias[] }[]> {
    const { rows } = await this.#identities.store.run('SELECT * FROM identity_entities AS every');
    const aliases = Map.groupBy(await this.#identities.everyAlias('entity'), ({ canonicalId }) => canonicalId);
    const entities = rows.map((row) => this.#open(row)).sort((a, b) => (a.id < b.id ? -1 : 1));
    return entities.map((entity) => ({ entity, aliases: aliases.get(entity.id) ?? [] }));
  }

  async count(): Promise<number> {
    const { rows } = await this.#identities.store.run('SELECT count(*) AS n FROM identity_entities');
    return Number(rows[0]?.['n'] ?? 0);
  }

  /**
   * Changes the entity of this id, or else of this name, or makes one. An entity is given `name` unless it is empty. `change` may
   * be asked more than once.
   * @throws CofferError `invalid-request` for an id that no entity has, and a name that another one has; `failed` for metadata that
   *   cannot be kept
   */
  async write(
    { id, name }: { readonly id: string; readonly name: string },
    change: (entity: Entity) => Entity,
  ): Promise<{ readonly entity: Entity; readonly isNew: boolean }> {
    for (;;) {
      const byId = id === '' ? undefined : await this.byId(id);
      if (id !== '' && byId === undefined) throw new CofferError('invalid-request', 'entity not found from id');
      const byName = name === '' ? undefined : await this.byName(name);
      if (byId !== undefined && byName !== undefined && byId.id !== byName.id) {
        throw new CofferError('invalid-request', 'entity name is already in use');
      }
      const present = byId ?? byName;
      const changed = change({ ...(present ?? newEntity()), ...(name !== '' && { name }) });
      checkMetadata(changed.metadata, 'entity');
      const entity = { ...changed, lastUpdateTime: Date.now() };
      if (await (present === undefined ? this.#insert(changed) : this.#update(present, entity))) {
        return present === undefined ? { entity: changed, isNew: true } : { entity, isNew: false };
      }
    }
  }

  /** With its aliases and memberships. Its tokens are refused from now on. */
  async delete(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      await this.#identities.write(
        [id],
        [
          { sql: 'DELETE FROM identity_entities WHERE id = $1', params: [id] },
          { sql: 'DELETE FROM identity_aliases WHERE canonical_id = $1', params: [id] },
          { sql: "DELETE FROM identity_members WHERE member_id = $1 AND kind = 'entity'", params: [id] },
        ],
        { oneAfterTheOther: true },
      );
    }
  }

  async #insert(entity: Entity): Promise<boolean> {
    const { sql, params } = insertEntity(this.#identities, entity);
    const [made] = await this.#identities.write([entity.id], [{ sql, params }], { oneAfterTheOther: true });
    return made?.changes === 1;
  }

  /** False when somebody else has changed it meanwhile, or taken its name. */
  async #update(present: Entity, entity: Entity): Promise<boolean> {
    const { seal } = this.#identities;
    const name = foldName(entity.name);
    const [changed] = await this.#identities.write(
      [entity.id],
      [
        {
          sql: `UPDATE identity_entities SET name = $2, disabled = $3, value = $4 WHERE id = $1 AND value = $5
                AND NOT EXISTS (SELECT 1 FROM identity_entities AS other WHERE other.name = $2 AND other.id <> $1)`,
          params: [entity.id, name, Number(entity.disabled), seal.entity(entity), seal.sealedOf(present)],
        },
      ],
      { oneAfterTheOther: true },
    );
    return changed?.changes === 1;
  }

  async #one(column: 'id' | 'name', value: string): Promise<Entity | undefined> {
    const { rows } = await this.#identities.store.run(`SELECT * FROM identity_entities WHERE ${column} = $1`, [value]);
    return rows[0] && this.#open(rows[0]);
  }

  #open(row: SqlRow): Entity {
    return this.#identities.seal.openEntity(row);
  }
}

/** The statement that makes an entity, unless there is one of its name. */
export function insertEntity({ seal }: Identities, entity: Entity, onlyWhile = '') {
  return {
    sql: `INSERT INTO identity_entities (id, name, disabled, value) SELECT $1, $2, $3, $4 ${onlyWhile} ON CONFLICT DO NOTHING`,
    params: [entity.id, foldName(entity.name), Number(entity.disabled), seal.entity(entity)],
  };
}
