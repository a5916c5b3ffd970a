import { hostname } from 'node:os';
import { PROCESS_ID } from '@coffer/base';
import { stored } from '@coffer/framework';
import type { SqlRow, SqlStatement, Store } from '@coffer/store';

/** How often a node says that it lives, in milliseconds. */
export const HEARTBEAT_MS = 2_500;
/** A node that was not heard for so long is dead, in milliseconds. What it had begun is taken over. */
export const DEAD_MS = 10_000;

export const NODE_STATES = ['active', 'sealed'] as const;
export type NodeState = (typeof NODE_STATES)[number];

/** One process that works on the store. Times are milliseconds since 1970, by the store's clock. */
export interface NodeRow {
  readonly id: string;
  /** Where clients reach it: `https://10.0.0.1:8200`. */
  readonly address: string;
  /** Of its machine. */
  readonly hostname: string;
  readonly version: string;
  readonly state: NodeState;
  readonly started: number;
  readonly heartbeat: number;
  /** How far it has come: see `Epochs`. */
  readonly epoch: number;
}

const { entry, integer, oneOf, string } = stored;
const NODE = entry<NodeRow & { readonly now: number }>({
  id: string(),
  address: string(),
  hostname: string(),
  version: string(),
  state: oneOf(NODE_STATES),
  started: integer(),
  heartbeat: integer(),
  epoch: integer(),
  now: integer(),
});

/** A node as another one sees it now. */
export interface SeenNode extends NodeRow {
  readonly isDead: boolean;
  readonly isSelf: boolean;
}

/** Every node that the store knows, the ones that came first first. */
export async function listNodes(store: Store): Promise<readonly SeenNode[]> {
  const { rows } = await store.run('SELECT nodes.*, store_now() AS now FROM nodes ORDER BY started, id');
  return rows.map((row) => seen(row));
}

function seen(row: SqlRow): SeenNode {
  const { now, ...node } = NODE(row, `nodes/${String(row['id'])}`);
  return { ...node, isDead: node.heartbeat + DEAD_MS <= now, isSelf: node.id === PROCESS_ID };
}

/** Says that this process is there, and how it is. Returns false when its row was gone: it had been taken for dead. */
export async function beat(
  store: Store,
  node: Pick<NodeRow, 'address' | 'version' | 'state' | 'epoch'>,
): Promise<boolean> {
  const { address, version, state, epoch } = node;
  const { changes } = await store.run(
    'UPDATE nodes SET heartbeat = store_now(), address = $2, version = $3, state = $4, epoch = $5 WHERE id = $1',
    [PROCESS_ID, address, version, state, epoch],
  );
  if (changes === 1) return true;
  await store.run(
    `INSERT INTO nodes (id, address, version, state, epoch, hostname, started, heartbeat)
     VALUES ($1, $2, $3, $4, $5, $6, store_now(), store_now()) ON CONFLICT DO NOTHING`,
    [PROCESS_ID, address, version, state, epoch, hostname()],
  );
  return false;
}

/** This process leaves. */
export async function leave(store: Store): Promise<void> {
  await store.run('DELETE FROM nodes WHERE id = $1', [PROCESS_ID]);
}

/** Every other process has ended: for a store that only one can have open. */
export async function forgetOthers(store: Store): Promise<void> {
  await store.run('DELETE FROM nodes WHERE id <> $1', [PROCESS_ID]);
}

/** The other nodes that were not heard for {@link DEAD_MS}. */
export async function deadNodes(store: Store): Promise<readonly string[]> {
  const { rows } = await store.run('SELECT id FROM nodes WHERE id <> $1 AND heartbeat <= store_now() - $2', [
    PROCESS_ID,
    DEAD_MS,
  ]);
  return rows.map((row) => String(row['id']));
}

/** Takes a dead node out, unless it was heard meanwhile. */
export function forgetDead(id: string): SqlStatement {
  return { sql: 'DELETE FROM nodes WHERE id = $1 AND heartbeat <= store_now() - $2', params: [id, DEAD_MS] };
}

/** Whether a process is dead that has worked on the store: it has left, or was taken out. */
export async function isDead(store: Store, id: string): Promise<boolean> {
  if (id === PROCESS_ID) return false;
  return (await store.run('SELECT 1 FROM nodes WHERE id = $1', [id])).rows.length === 0;
}
