import { checkDevice, placeFault } from '@coffer/audit';
import { CofferError } from '@coffer/base';
import type { AuditRules, ConfiguredDevice } from '@coffer/core';
import { normalizeMountPath } from '@coffer/framework';
import { type HclBlock, type HclObject, type HclPosition, hclToJson, type HclValue } from '@coffer/hcl';
import { defined } from './config-values.ts';

export interface AuditConfig {
  /** In the order of the file. */
  readonly devices: readonly ConfiguredDevice[];
  readonly rules: AuditRules;
}

export const AUDIT_KEYS = ['audit', 'unsafe_allow_api_audit_creation', 'allow_audit_log_prefixing'] as const;

/**
 * `audit "TYPE" "PATH" { description, local, options { … } }`, as in OpenBao. The options may stand in the block itself, and the path
 * may be left out: it is then the type.
 *
 * @throws CofferError `invalid-request`: `FILE:LINE:COLUMN: what is wrong`
 */
export function parseAudit(config: HclObject): AuditConfig {
  const rules = {
    ...defined('byApi', config.boolean('unsafe_allow_api_audit_creation')),
    ...defined('prefixes', config.boolean('allow_audit_log_prefixing')),
  };
  const blocks = auditBlocks(config);
  const devices = blocks.map((block) => parseDevice(block, rules));
  for (const [index, { path }] of devices.entries()) {
    const clash = devices.slice(0, index).some((other) => other.path.startsWith(path) || path.startsWith(other.path));
    if (clash)
      throw config.error(`the audit device ${path} is already defined: each device needs its own path`, blocks[index]);
  }
  return { devices, rules };
}

/** What is wrong with devices that would write to what is the server's own, each with its place: they would never take a line. */
export async function misplacedDevices(
  config: HclObject,
  { devices }: AuditConfig,
  reserved: readonly string[],
): Promise<readonly CofferError[]> {
  const blocks = auditBlocks(config);
  const faults = devices.map(async ({ type, options }, index) => {
    const fault = await placeFault(type, options, { reserved: () => reserved });
    return fault === undefined ? [] : [config.error(`audit ${JSON.stringify(type)}: ${fault}`, blocks[index])];
  });
  return (await Promise.all(faults)).flat();
}

/** With one label or two: HCL and JSON write both in several ways. */
function auditBlocks(config: HclObject): HclBlock[] {
  const blocks: HclBlock[] = [];
  const add = (labels: readonly string[], value: HclValue, at: HclPosition): void => {
    if (value.kind === 'list') {
      for (const entry of value.values) add(labels, entry, entry);
    } else if (value.kind !== 'object' || labels.length > 2) {
      throw config.error('write audit "TYPE" "PATH" { … }', at);
    } else if (labels.length === 0 || (labels.length === 1 && holdsBlocks(value))) {
      for (const item of value.items) add([...labels, ...item.keys], item.value, item);
    } else {
      const { line, column, file } = at;
      blocks.push({ labels, body: value, line, column, ...(file !== undefined && { file }) });
    }
  };
  for (const item of config.items) if (item.keys[0] === 'audit') add(item.keys.slice(1), item.value, item);
  return blocks;
}

/** Whether what stands below a type is a path, in place of the settings themselves. */
function holdsBlocks({ items }: HclObject): boolean {
  return items.length > 0 && items.every(({ keys: [name], value }) => name !== 'options' && value.kind === 'object');
}

function parseDevice(block: HclBlock, { prefixes = false }: AuditRules): ConfiguredDevice {
  const {
    body,
    labels: [type = '', given = type],
  } = block;
  const options = {
    ...texts(
      body,
      body.items.filter(({ keys: [name] }) => !['description', 'local', 'options'].includes(name)),
    ),
    ...texts(body, body.object('options')?.items ?? []),
  };
  if ('prefix' in options && !prefixes) {
    throw body.error('audit log prefixing is not allowed; see "allow_audit_log_prefixing"', block);
  }
  try {
    checkDevice(type, options);
    return {
      path: normalizeMountPath(given),
      type,
      description: body.string('description') ?? '',
      local: body.boolean('local') ?? false,
      options,
    };
  } catch (error) {
    throw body.error(`audit ${JSON.stringify(type)}: ${CofferError.from(error).message}`, block);
  }
}

function texts(body: HclObject, items: HclObject['items']): Record<string, string> {
  return Object.fromEntries(
    items.map((item) => {
      const [name] = item.keys;
      const value = hclToJson(item.value);
      if (item.keys.length > 1 || typeof value === 'object')
        throw body.error(`"${name}" must be a string, a number, true or false`, item);
      // A number keeps its zeros in front: a mode is octal.
      return [name, item.value.kind === 'number' ? item.value.text : String(value)];
    }),
  );
}
