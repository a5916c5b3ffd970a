import { Failure } from '../session/failure.ts';
import type { Row } from '../session/request.ts';
import type { Session } from '../session/session.ts';
import type { ClusterNode, NodeType } from './topology.ts';

/** SQLSTATE undefined_function. */
const UNDEFINED_FUNCTION = '42883';

/**
 * The nodes that `yb_servers()` lists, each once and without those that have no address to connect to; undefined if the server has
 * no such function. Columns are read by name, because newer servers have more of them. num_connections is always 0 and means nothing
 * (yb:src/postgres/src/backend/utils/misc/pg_yb_utils.c).
 *
 * @throws Failure if the server could not be asked
 */
export async function readNodes(session: Session): Promise<readonly ClusterNode[] | undefined> {
  try {
    const { rows } = await session.query('SELECT * FROM pg_catalog.yb_servers()');
    const nodes = rows
      .map(nodeOf)
      .filter(({ host, port }) => host !== '' && Number.isInteger(port) && port > 0 && port < 65_536);
    return [...new Map(nodes.map((node) => [node.key, node])).values()];
  } catch (error) {
    if (error instanceof Failure && error.sqlstate === UNDEFINED_FUNCTION) return undefined;
    throw error;
  }
}

function nodeOf(row: Row): ClusterNode {
  const text = (column: string): string => {
    const value = row[column];
    return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  };
  const host = text('host');
  const port = Number(text('port'));
  return {
    key: `${host}:${port}`,
    host,
    port,
    type: typeOf(text('node_type')),
    cloud: text('cloud'),
    region: text('region'),
    zone: text('zone'),
    publicIp: text('public_ip'),
  };
}

/** It is read_replica in the code, readreplica in the documentation. A type that we do not know is nobody's primary. */
function typeOf(text: string): NodeType {
  if (text.startsWith('read')) return 'read_replica';
  return text === 'primary' ? 'primary' : 'other';
}
