import type { Logger } from '@coffer/base';
import { type AutoSeal, createStaticSeal } from '@coffer/core';
import type { SealConfig, SealsConfig } from './config/seal-config.ts';
import { readStaticKeys } from './static-seal.ts';
import { forgetTransitToken, readTransitSeal } from './transit-seal.ts';

export interface Seals {
  readonly autoSeal?: AutoSeal;
  readonly formerSeal?: AutoSeal;
}

/**
 * The seals of a configuration. What is secret in `env` is removed from it.
 * @throws CofferError `invalid-request` naming what is missing
 */
export async function readSeals(
  { seal, formerSeal }: SealsConfig,
  env: Record<string, string | undefined>,
  logger: Logger,
): Promise<Seals> {
  const areTransit = [seal, formerSeal].filter((each) => each?.type === 'transit').length;
  const read = async (config: SealConfig): Promise<AutoSeal> => {
    if (config.type === 'static') return staticSeal(await readStaticKeys(config, env));
    const options = await readTransitSeal(config, env, areTransit === 1, logger);
    // Loaded only where it is used.
    const { createTransitSeal } = await import('@coffer/transit-seal');
    return createTransitSeal(options);
  };
  const seals = {
    ...(seal && { autoSeal: await read(seal) }),
    ...(formerSeal && { formerSeal: await read(formerSeal) }),
  };
  if (areTransit > 0) forgetTransitToken(env);
  return seals;
}

function staticSeal(keys: Awaited<ReturnType<typeof readStaticKeys>>): AutoSeal {
  const seal = createStaticSeal(keys);
  keys.current.key.fill(0);
  keys.previous?.key.fill(0);
  return seal;
}
