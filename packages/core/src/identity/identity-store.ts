import { AliasStore, type MountOf } from './alias-store.ts';
import { EntityStore } from './entity-store.ts';
import { GroupStore } from './group-store.ts';
import type { Identities, Identity } from './identities.ts';

/** Who there is: for those who manage that. */
export class IdentityStore {
  readonly entities: EntityStore;
  readonly aliases: AliasStore;
  readonly groups: GroupStore;
  readonly #identities: Identities;

  constructor(identities: Identities, mountOf: MountOf) {
    this.#identities = identities;
    this.entities = new EntityStore(identities);
    this.aliases = new AliasStore(identities, mountOf);
    this.groups = new GroupStore(identities, mountOf);
  }

  /** An entity with its aliases and groups. */
  find(entityId: string): Promise<Identity | undefined> {
    return this.#identities.find(entityId);
  }
}
