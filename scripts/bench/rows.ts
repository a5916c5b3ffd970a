/**
 * `npm run bench -- rows`: bytes of a row in the store's tables, with its indexes, in PostgreSQL. A node makes one of each
 * (a lease of the seed's role, a token, a static role and the intent of its rotation), and each is copied with other keys
 * and times, so the rows are as long as real ones and their keys come in no order. BENCH_ROWS says how often (100,000).
 *
 * UPDATE_DOCS=1 writes the table into docs/benchmarks.md.
 */
import { NodesCluster, STORE } from './nodes-cluster.ts';
import { writeMeasured } from './report.ts';

const ROWS = Number(process.env['BENCH_ROWS'] ?? 100_000);
const SAMPLES = 'intent_samples';

interface Copied {
  readonly table: string;
  readonly from: string;
  /** Of the row that is copied. */
  readonly where: string;
  /** Texts that no two rows share: their end is replaced, the rest and the length stay. */
  readonly keys: readonly string[];
  readonly what: string;
}

const COPIED: readonly Copied[] = [
  {
    ...{ table: 'leases', from: 'leases', where: `id LIKE 'database/creds/%'`, keys: ['id', 'token'] },
    what: 'a lease of a login, each with a token of its own',
  },
  {
    ...{ table: 'tokens', from: 'tokens', where: `lease <> ''`, keys: ['id', 'accessor', 'lease'] },
    what: 'a token, with what makes it a lease',
  },
  {
    ...{ table: 'entries', from: 'entries', where: `name LIKE '%static-%reporting'`, keys: ['name'] },
    what: 'a static role',
  },
  {
    ...{ table: 'intents', from: SAMPLES, where: 'true', keys: ['subject', 'login'] },
    what: 'the intent of a rotation, while it lasts',
  },
];
/** Columns whose values lie anywhere within a day, or in one of the buckets. */
const SPREAD: Readonly<Record<string, string>> = {
  expire_time: 'expire_time + (random() * 86400000)::bigint',
  next_attempt: 'next_attempt + (random() * 86400000)::bigint',
  bucket: '(random() * 15)::bigint',
};
/** As long as a random part of a key. */
const RANDOM_CHARACTERS = 24;

type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

/** What a rotation leaves no trace of is kept by a trigger. */
async function keepIntents(query: Query): Promise<void> {
  await query(`CREATE TABLE ${SAMPLES} AS SELECT * FROM intents WHERE false; GRANT INSERT ON ${SAMPLES} TO ${STORE.user};
    CREATE FUNCTION keep_intent() RETURNS trigger LANGUAGE plpgsql
      AS 'BEGIN INSERT INTO public.${SAMPLES} VALUES (NEW.*); RETURN NEW; END';
    CREATE TRIGGER keep_intent AFTER INSERT OR UPDATE ON intents FOR EACH ROW EXECUTE FUNCTION keep_intent()`);
}

async function sizeOf(query: Query, { table, from, where, keys }: Copied): Promise<[table: number, indexes: number]> {
  const columns = await query(
    `SELECT column_name AS name FROM information_schema.columns WHERE table_name = '${table}' ORDER BY ordinal_position`,
  );
  const random = `substr(md5(random()::text) || md5(random()::text), 1, ${RANDOM_CHARACTERS})`;
  const values = columns.map(({ name }) => {
    const column = String(name);
    if (!keys.includes(column)) return SPREAD[column] ?? column;
    return `left(${column}, greatest(0, length(${column}) - ${RANDOM_CHARACTERS})) || ${random}`;
  });
  await query(`CREATE TABLE one AS SELECT * FROM ${from} WHERE ${where} LIMIT 1`);
  const [sample] = await query('SELECT count(*)::int AS count FROM one');
  if (sample?.['count'] !== 1) throw new Error(`${from} has no row for ${where}`);
  await query(`TRUNCATE ${table}`);
  await query(`INSERT INTO ${table} SELECT ${values.join(', ')} FROM one, generate_series(1, ${ROWS})`);
  const [size] = await query(
    `SELECT pg_table_size('${table}')::float8 AS table, pg_indexes_size('${table}')::float8 AS indexes`,
  );
  await query('DROP TABLE one');
  return [Number(size?.['table']) / ROWS, Number(size?.['indexes']) / ROWS];
}

export async function benchRows(): Promise<void> {
  const cluster = await NodesCluster.make('md5');
  const query: Query = (sql) => cluster.database.query(sql, [], STORE.database);
  try {
    await cluster.setPools({ store: 4, target: 4 });
    await keepIntents(query);
    await cluster.makeSamples();
    await cluster.stopNodes();
    const lines = ['| row | table | bytes | of it indexes |', '| --- | --- | ---: | ---: |'];
    for (const copied of COPIED) {
      const [table, indexes] = await sizeOf(query, copied);
      lines.push(`| ${copied.what} | \`${copied.table}\` | ${(table + indexes).toFixed(0)} | ${indexes.toFixed(0)} |`);
    }
    console.log(lines.join('\n'));
    if (process.env['UPDATE_DOCS'] === '1') {
      const about = `${ROWS.toLocaleString('en-US')} rows of each in PostgreSQL 15, \`pg_table_size\` and \`pg_indexes_size\`.`;
      await writeMeasured('benchmarks.md', 'rows', `${about}\n\n${lines.join('\n')}`);
    }
  } finally {
    await cluster.stop();
  }
}
