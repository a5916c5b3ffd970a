import type { HclObject } from '@coffer/hcl';

/** Where to find a static key: `file:///path` or `env://NAME`. */
export interface StaticKeySource {
  readonly id: string;
  readonly url: string;
}

export interface SealConfig {
  readonly current: StaticKeySource;
  readonly previous?: StaticKeySource;
}

/** @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong` */
export function parseSeal(config: HclObject): SealConfig | undefined {
  const [block, second] = config.blocks('seal', 1);
  if (block === undefined) return undefined;
  if (second !== undefined) throw config.error('"seal" is set twice', second);
  const { body } = block;
  if (block.labels[0] !== 'static') {
    throw body.error('the only type of seal is "static"; without a seal block it is opened by key shares', block);
  }
  body.allowOnly(['current_key_id', 'current_key', 'previous_key_id', 'previous_key']);
  const current = parseKeySource(body, 'current');
  if (current === undefined) throw body.error('seal "static" needs "current_key_id" and "current_key"', block);
  const previous = parseKeySource(body, 'previous');
  return { current, ...(previous && { previous }) };
}

function parseKeySource(body: HclObject, which: 'current' | 'previous'): StaticKeySource | undefined {
  const id = body.string(`${which}_key_id`);
  const url = body.string(`${which}_key`);
  if (id === undefined && url === undefined) return undefined;
  if (!id || !url) throw body.error(`"${which}_key_id" and "${which}_key" go together`);
  if (!/^(file:\/\/\/.|env:\/\/.)/.test(url)) {
    throw body.error(`"${which}_key" must be "file:///PATH" or "env://NAME"`, body.attribute(`${which}_key`));
  }
  return { id, url };
}
