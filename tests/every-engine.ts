import { silentLogger } from '@coffer/base';
import type { Core } from '@coffer/core';
import { openEmbeddedStore } from '@coffer/store';
import { composeSealable } from '../apps/coffer/src/compose.ts';

/** The core of a server in which each engine and each auth method is mounted, without a listener. */
export async function openEveryEngine(): Promise<{ readonly core: Core; readonly close: () => Promise<void> }> {
  const store = await openEmbeddedStore({ path: ':memory:' });
  const sealable = composeSealable({ store, storageType: 'inmem', logger: silentLogger });
  const { unsealShares } = await sealable.init({ unseal: { shares: 1, threshold: 1 } });
  for (const share of unsealShares) await sealable.unseal(share);
  const { core } = sealable;
  if (core === undefined) throw new Error('one share opens it');
  await core.services.mounts.enable('database', 'database', {});
  for (const method of ['approle', 'cert', 'jwt', 'kubernetes', 'userpass'])
    await core.services.mounts.enable(`auth/${method}`, method, {});
  return {
    core,
    close: async () => {
      await sealable.stop();
      await store.close();
    },
  };
}
