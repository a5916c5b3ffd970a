/** One row of YugabyteDB's `yb_servers()`: a node as the cluster describes it to smart drivers. */
export interface YbServer {
  readonly host: string;
  readonly port: number;
  readonly nodeType: 'primary' | 'read_replica';
  readonly cloud: string;
  readonly region: string;
  readonly zone: string;
  /** Empty when the node has none, as in YugabyteDB. */
  readonly publicIp: string;
  readonly uuid: string;
}

/**
 * SQL that makes a stand-in for YugabyteDB's `yb_servers()` on PostgreSQL, with its names, column names and types
 * (yugabyte/yugabyte-db:src/postgres/src/include/catalog/pg_proc.dat), in pg_catalog as the original. `servers`
 * undefined: one row for the server itself. The stand-in describes nodes; it does not make any.
 */
export function ybServersFunction(servers?: readonly YbServer[]): string {
  return `CREATE OR REPLACE FUNCTION pg_catalog.yb_servers(
  OUT host text, OUT port int8, OUT num_connections int8, OUT node_type text, OUT cloud text, OUT region text,
  OUT zone text, OUT public_ip text, OUT uuid text
) RETURNS SETOF record LANGUAGE sql STABLE AS $servers$
${servers === undefined ? ITSELF : rowsOf(servers)}
$servers$`;
}

const ITSELF = `SELECT '127.0.0.1'::text, pg_catalog.current_setting('port')::int8, 0::int8, 'primary'::text,
  'cloud1'::text, 'datacenter1'::text, 'rack1'::text, ''::text, '00000000000000000000000000000001'::text`;

function rowsOf(servers: readonly YbServer[]): string {
  if (servers.length === 0) return `${ITSELF} WHERE false`;
  const rows = servers.map((server) => {
    const { host, port, nodeType, cloud, region, zone, publicIp, uuid } = server;
    const texts = [nodeType, cloud, region, zone, publicIp, uuid].map(literal);
    return `SELECT ${literal(host)}, ${port}::int8, 0::int8, ${texts.join(', ')}`;
  });
  return rows.join('\nUNION ALL ');
}

function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'::text`;
}
