import { formatTime, type JsonObject } from '@coffer/base';
import type { NodeControl } from '@coffer/core';
import { definePath, type Path } from '@coffer/framework';

type Node = Awaited<ReturnType<NodeControl['list']>>[number];

/** `sys/ha-status`: with any token whose policies allow it, as in Vault (hashicorp/vault:vault/logical_system.go, handleHAStatus). */
export function haStatusPaths(node: Pick<NodeControl, 'isShared' | 'list'>): Path[] {
  const view = ({ id, hostname, address, version, state, started, heartbeat, isDead, isSelf }: Node): JsonObject => ({
    hostname,
    api_address: address,
    // Nodes speak through the store only.
    cluster_address: '',
    active_node: state === 'active' && !isDead,
    // A store that only one server can open hears of it at its start only.
    last_echo: node.isShared ? formatTime(heartbeat) : null,
    version,
    id,
    state: isDead ? 'dead' : state,
    started: formatTime(started),
    self: isSelf,
  });
  return [
    definePath({
      pattern: 'ha-status',
      fields: {},
      synopsis: 'Lists the nodes of the cluster.',
      description:
        'Nodes are equal: "active_node" is true for each that is unsealed and was heard from in the last ten seconds. ' +
        '"last_echo" is its last heartbeat, by the clock of the store. A node that ended without signing off is "dead", and stays ' +
        'listed until the others have taken over its unfinished work.',
      read: async () => ({ shape: 'flat', data: { nodes: (await node.list()).map((each) => view(each)) } }),
    }),
  ];
}
