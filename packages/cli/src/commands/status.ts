import type { JsonObject, JsonValue } from '@coffer/base';
import { type Client, ApiError } from '@coffer/client';
import { askBare } from '../bare-answer.ts';
import { defineCommand } from '../command.ts';
import { reporting } from '../failure.ts';
import { orderKeys } from '../output/document.ts';
import { goValue } from '../output/go-value.ts';
import type { Printer } from '../output/printer.ts';

/** The keys in Vault's order; `undefined` where an absent key stays absent (openbao/openbao:api/sys_seal.go). */
const SEAL_KEYS = {
  type: '',
  initialized: false,
  sealed: false,
  t: 0,
  n: 0,
  progress: 0,
  nonce: '',
  version: '',
  commit_date: '',
  migration: false,
  cluster_name: undefined,
  cluster_id: undefined,
  recovery_seal: false,
  recovery_seal_type: undefined,
  storage_type: undefined,
  warnings: undefined,
  build_date: '',
};
const LEADER_KEYS = {
  ha_enabled: false,
  is_self: undefined,
  active_time: undefined,
  leader_address: undefined,
  leader_cluster_address: undefined,
  raft_committed_index: undefined,
  raft_applied_index: undefined,
};

export const status = defineCommand({
  name: 'status',
  synopsis: 'Print seal and cluster status',
  usage: '[options]',
  description: `
    Prints whether the server is sealed, and whether it is part of a cluster. Works on a sealed server too, and needs
    no token.

    The exit code is 0 when the server is unsealed, 1 for an error, and 2 when it is sealed.`,
  flags: {},
  output: ['field', 'format'],
  arguments: { min: 0, max: 0 },
  async run({ connect, printer }) {
    // Exit code 2 means "sealed" here, so everything that fails is 1.
    const connected = await reporting('Error connecting', connect(), 1);
    // Only the root namespace answers while the server is sealed.
    const client = connected.with({ namespace: undefined });
    const seal = await reporting('Error checking seal status', askBare(client, 'GET', 'sys/seal-status'), 1);
    const document = await showSealStatus(client, printer, seal);
    return document['sealed'] === true ? 2 : 0;
  },
});

/** Prints a seal status together with what the server says about its cluster. */
export async function showSealStatus(client: Client, printer: Printer, seal: JsonObject): Promise<JsonObject> {
  const leader = await reporting('Error checking leader status', leaderStatus(client), 1);
  const document = { ...orderKeys(seal, SEAL_KEYS), ...orderKeys(leader, LEADER_KEYS) };
  if (printer.field === '')
    printer.rowsOr(
      () => [['Key', 'Value'], ...rows(document)],
      () => document,
    );
  else printer.fieldOf({ ...document, ha_mode: haMode(document) }, 'seal status');
  return document;
}

async function leaderStatus(client: Client): Promise<JsonObject> {
  try {
    return await askBare(client, 'GET', 'sys/leader');
  } catch (thrown) {
    // A sealed node of a cluster cannot say who leads; that it refuses tells that there is a cluster.
    if (thrown instanceof ApiError && thrown.sealed) return { ha_enabled: true };
    throw thrown;
  }
}

function rows(status: JsonObject): string[][] {
  const recovery = status['recovery_seal'] === true;
  const optional = (title: string, key: string) =>
    status[key] === undefined || status[key] === '' ? [] : [[title, show(status, key)]];
  const always = (title: string, key: string) => [[title, show(status, key)]];
  return [
    ...always('Seal Type', 'type'),
    ...(recovery ? always('Recovery Seal Type', 'recovery_seal_type') : []),
    ...always('Initialized', 'initialized'),
    ...always('Sealed', 'sealed'),
    ...always(recovery ? 'Total Recovery Shares' : 'Total Shares', 'n'),
    ...always('Threshold', 't'),
    ...(status['sealed'] === true
      ? [['Unseal Progress', `${show(status, 'progress')}/${show(status, 't')}`], ...always('Unseal Nonce', 'nonce')]
      : []),
    ...(status['migration'] === true ? always('Seal Migration in Progress', 'migration') : []),
    ...optional('Version', 'version'),
    ...optional('Commit Date', 'commit_date'),
    ...optional('Build Date', 'build_date'),
    ...optional('Storage Type', 'storage_type'),
    ...(status['cluster_id'] ? optional('Cluster Name', 'cluster_name') : []),
    ...(status['cluster_name'] ? optional('Cluster ID', 'cluster_id') : []),
    ...always('HA Enabled', 'ha_enabled'),
    ...(status['ha_enabled'] === true && status['sealed'] !== true ? clusterRows(status) : []),
    ...(status['raft_committed_index'] ? always('Raft Committed Index', 'raft_committed_index') : []),
    ...(Array.isArray(status['warnings']) && status['warnings'].length > 0 ? always('Warnings', 'warnings') : []),
    ...(status['raft_applied_index'] ? always('Raft Applied Index', 'raft_applied_index') : []),
  ];
}

function clusterRows(status: JsonObject): string[][] {
  const active = status['is_self'] === true;
  const since = show(status, 'active_time');
  return [
    ['HA Cluster', show(status, 'leader_cluster_address')],
    ['HA Mode', haMode(status)],
    // Go's zero time stands for "not known".
    ...(active && since !== '' && !since.startsWith('0001-') ? [['Active Since', since]] : []),
    ...(!active && status['leader_address'] ? [['Active Node Address', show(status, 'leader_address')]] : []),
  ];
}

function haMode(status: JsonObject): string {
  return status['is_self'] === true ? 'active' : 'standby';
}

function show(status: JsonObject, key: string): string {
  const value: JsonValue | undefined = status[key];
  return value === undefined ? '' : goValue(value);
}
