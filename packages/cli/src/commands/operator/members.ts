import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import { askBare } from '../../bare-answer.ts';
import { defineCommand } from '../../command.ts';
import { reporting } from '../../failure.ts';
import { orderKeys } from '../../output/document.ts';
import { goValue, isList } from '../../output/go-value.ts';
import { renderTable } from '../../output/table.ts';

/** Vault's keys in its order (openbao/openbao:api/sys_hastatus.go), then ours. */
const NODE_KEYS = {
  hostname: '',
  api_address: '',
  cluster_address: '',
  active_node: false,
  last_echo: null,
  version: '',
  upgrade_version: undefined,
  redundancy_zone: undefined,
  id: undefined,
  state: undefined,
  started: undefined,
  self: undefined,
};

const COLUMNS = [
  ['Host Name', 'hostname'],
  ['API Address', 'api_address'],
  ['Cluster Address', 'cluster_address'],
  ['Active Node', 'active_node'],
  ['Version', 'version'],
  ['Upgrade Version', 'upgrade_version'],
  ['Redundancy Zone', 'redundancy_zone'],
  ['Last Echo', 'last_echo'],
  ['State', 'state'],
] as const;

export const operatorMembers = defineCommand({
  name: 'members',
  synopsis: 'List the nodes of the cluster',
  usage: '[options]',
  description: `
    Lists the servers that share the store: whether each is active (unsealed and sending heartbeats), its version, and
    its last heartbeat. All active nodes are equal.`,
  examples: [{ caption: 'List the nodes:', command: 'operator members' }],
  flags: {},
  output: ['format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, printer, ui }) {
    const client = await connect();
    const answer = await reporting('Error listing the members', askBare(client, 'GET', 'sys/ha-status'));
    const nodes = nodesOf(answer['nodes']);
    // The name that Go gives it: Vault's own struct has none for JSON.
    if (printer.format !== 'table') return printer.data({ Nodes: nodes });
    ui.output(renderTable([COLUMNS.map(([title]) => title), ...nodes.map((node) => row(node))]));
    return 0;
  },
});

function nodesOf(value: JsonValue | undefined): JsonObject[] {
  if (value === undefined || !isList(value)) return [];
  return value.filter((each) => isJsonObject(each)).map((node) => orderKeys(node, NODE_KEYS));
}

function row(node: JsonObject): string[] {
  return COLUMNS.map(([, key]) => {
    const value = node[key] ?? '';
    // To the second, as Go's RFC3339 has it.
    return key === 'last_echo' ? goValue(value).replace(/\.\d+/, '') : goValue(value);
  });
}
