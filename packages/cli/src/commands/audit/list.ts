import { isJsonObject, type JsonObject } from '@coffer/base';
import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { mountsOf } from '../../mount-table.ts';
import { orderKeys, sortKeys } from '../../output/document.ts';
import { goValue, sortedEntries } from '../../output/go-value.ts';

export const auditList = defineCommand({
  name: 'list',
  synopsis: 'List the enabled audit devices',
  usage: '[options]',
  description: 'Lists the enabled audit devices. With -detailed, it shows their options.',
  flags: { detailed: { type: 'boolean', usage: 'Show the options of each device.' } },
  output: ['format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, flags, printer, ui }) {
    const client = await connect();
    const devices = mountsOf(await reporting('Error listing audits', client.read('sys/audit')));
    if (Object.keys(devices).length === 0 && printer.format === 'table') {
      ui.output('No audit devices are enabled.');
      return 2;
    }
    return printer.rowsOr(
      () => (flags.detailed ? detailedRows(devices) : rows(devices)),
      () => documentOf(devices),
    );
  },
});

function rows(devices: JsonObject): string[][] {
  return [['Path', 'Type', 'Description'], ...entriesOf(devices).map(([path, device]) => [path, ...textsOf(device)])];
}

function detailedRows(devices: JsonObject): string[][] {
  const body = entriesOf(devices).map(([path, device]) => {
    const replication = device['local'] === true ? 'local' : 'replicated';
    const options = isJsonObject(device['options']) ? sortedEntries(device['options']) : [];
    return [
      path,
      ...textsOf(device),
      replication,
      options.map(([name, value]) => `${name}=${goValue(value)}`).join(' '),
    ];
  });
  return [['Path', 'Type', 'Description', 'Replication', 'Options'], ...body];
}

function textsOf(device: JsonObject): string[] {
  return [goValue(device['type'] ?? ''), goValue(device['description'] ?? '')];
}

/** As Vault's client has them (openbao/openbao:api/sys_audit.go, Audit). */
function documentOf(devices: JsonObject): JsonObject {
  return Object.fromEntries(
    entriesOf(devices).map(([path, device]) => [
      path,
      {
        ...orderKeys(device, { type: '', description: '' }),
        options: sortKeys(device['options'] ?? null),
        ...orderKeys(device, { local: false, path: '' }),
      },
    ]),
  );
}

function entriesOf(devices: JsonObject): [string, JsonObject][] {
  return sortedEntries(devices).filter((entry): entry is [string, JsonObject] => isJsonObject(entry[1]));
}
