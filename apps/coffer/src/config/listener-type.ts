import type { HclBlock, HclItem, HclObject, HclValue } from '@coffer/hcl';

/**
 * The blocks `listener`. As in Vault (hashicorp/vault:internalshared/configutil/listener.go, ParseListeners) the type is the label, or
 * the key `type`, which beats it.
 */
export function listenerBlocks(config: HclObject): HclBlock[] {
  return config.withItems(config.items.flatMap(withLabel)).blocks('listener', 1);
}

/** In small letters, as Vault takes it. Empty when there is none. */
export function listenerType({ labels: [label = ''], body }: HclBlock): string {
  return (body.string('type') ?? label).toLowerCase();
}

/** A list may hold both forms. */
function withLabel(item: HclItem): HclItem[] {
  const { keys, value } = item;
  if (keys[0] !== 'listener' || keys.length > 1) return [item];
  if (value.kind === 'list')
    return value.values.flatMap((each) => withLabel({ ...item, ...positionOf(each), value: each }));
  return hasType(value) ? [{ ...item, keys: ['listener', 'type'] }] : [item];
}

function hasType(value: HclValue): boolean {
  return (
    value.kind === 'object' && value.items.some(({ keys, value: { kind } }) => keys[0] === 'type' && kind === 'string')
  );
}

function positionOf({ line, column, file }: HclValue): Pick<HclItem, 'line' | 'column' | 'file'> {
  return { line, column, ...(file !== undefined && { file }) };
}
