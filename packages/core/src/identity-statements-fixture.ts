import type { NewToken } from '@coffer/framework';
import type { Store } from '@coffer/store';
import type { Barrier } from './barrier/barrier.ts';
import { Epochs } from './epochs/epochs.ts';
import { Identities } from './identity/identities.ts';
import { IdentityStore } from './identity/identity-store.ts';
import { createTokenStore } from './tokens/tokens.ts';

const nothing = (): void => undefined;

/** Runs every statement about identities, and leaves nothing of them. `living`: a token that is valid. */
export async function identityStatements(store: Store, barrier: Barrier, living: NewToken): Promise<void> {
  const identities = new Identities(store, barrier, new Epochs(store));
  const made = createTokenStore(store, barrier, nothing, identities);
  const identity = new IdentityStore(identities, () => ({ stands: [] }));
  const { entities, aliases, groups } = identity;
  const { group } = await groups.write(undefined, (fresh) => ({ ...fresh, name: 'g', type: 'external' }));
  const external = await groups.writeAlias(undefined, { name: 'g', mountAccessor: 'a', canonicalId: group.id });
  const alias = { name: 'ana', mountAccessor: 'a', metadata: { a: '1' }, groups: ['g'] };
  const { entry } = await made.create({ ...living, alias });
  await made.create({ ...living, alias: { ...alias, metadata: { a: '2' }, groups: [] } });
  await made.create({ ...living, alias });
  await made.create({ ...living, type: 'batch', expireTime: Date.now() + 60_000, creationTtl: 60, alias });
  const entityId = entry.entityId ?? '';
  await identity.find(entityId);
  await entities.byName('ana');
  await entities.all();
  await entities.count();
  const { entity: other } = await entities.write({ id: '', name: 'other' }, (fresh) => fresh);
  await entities.write({ id: other.id, name: 'another' }, (present) => ({ ...present, policies: ['p'] }));
  const second = await aliases.create({ name: 'b', mountAccessor: 'b', canonicalId: '' });
  await aliases.create({ name: 'b', mountAccessor: 'c', canonicalId: other.id });
  await aliases.create({ name: 'd', mountAccessor: 'c', canonicalId: other.id }).catch(nothing);
  const read = (await aliases.byId('entity', second.id)) ?? second;
  await aliases.of(other.id);
  await aliases.all('entity');
  await aliases.update(read, { name: 'e', mountAccessor: '', canonicalId: '' });
  await aliases.update(second, { name: 'f', mountAccessor: '', canonicalId: other.id }).catch(nothing);
  await aliases.delete('entity', second.id);
  const { group: inner } = await groups.write(undefined, (fresh) => fresh, { entityIds: [other.id] });
  const { group: outer } = await groups.write(undefined, (fresh) => fresh, { groupIds: [inner.id] });
  await groups.write(await groups.byId(outer.id), (present) => ({ ...present, name: 'o' }), {
    groupIds: [inner.id],
  });
  await groups.all();
  await groups.delete(outer);
  if (external !== undefined) await groups.writeAlias(external, { name: 'h', mountAccessor: 'a', canonicalId: '' });
  for (const accessor of ['a', 'b', 'c']) await identities.forgetMount(accessor);
  for (const each of [group, inner]) await groups.delete(each);
  await entities.delete([entityId, other.id]);
}
