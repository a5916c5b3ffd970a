import pg from 'pg';

export type Rows = Record<string, unknown>[];
export type Connection = Pick<
  pg.ClientConfig,
  'host' | 'port' | 'user' | 'password' | 'database' | 'ssl' | 'connectionString' | 'options'
>;

/** Runs one statement over a connection of its own, as the user of `connection`. */
export async function runQuery(connection: Connection, sql: string, parameters: readonly unknown[]): Promise<Rows> {
  const client = new pg.Client({ ...connection, application_name: 'coffer-testkit' });
  // A server that is stopped under us makes the query itself fail; the event carries nothing more.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const result = await client.query<Record<string, unknown>>(sql, [...parameters]);
    return result.rows;
  } finally {
    await client.end();
  }
}
