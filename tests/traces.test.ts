/** What a collector of traces gets of a server, and what becomes of a server whose collector is of no use. */
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, describe, it } from 'node:test';
import { databaseUnderTest, eventually, type TestDatabase } from '@coffer/testkit';
import { configure, connectionTo, issue, startTestServer, type TestServer } from './dev-server.ts';
import { DurableHome, initialize, unseal } from './durable-process.ts';
import { type CollectedSpan, type Collector, pathTo, startCollector } from './otlp-collector.ts';

const { cache } = createRequire(import.meta.url);
const isLoaded = (): boolean => Object.keys(cache).some((file) => file.includes('@opentelemetry/sdk-trace'));

const REMOTE = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7' };
const TRACEPARENT = `00-${REMOTE.traceId}-${REMOTE.spanId}-01`;
const SECRET = 'never-let-a-collector-see-this';

function environment(collector: Collector, more: Readonly<Record<string, string>> = {}): Record<string, string> {
  return { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '50', ...more };
}

async function call(
  { address }: Pick<TestServer, 'address'>,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  init: RequestInit = {},
): Promise<number> {
  const response = await fetch(`${address}/v1/${path}`, {
    ...init,
    headers: { 'x-vault-token': 'root', ...headers },
  });
  await response.arrayBuffer();
  return response.status;
}

describe('traces', () => {
  let database: TestDatabase;
  let collector: Collector;
  before(async () => {
    database = await databaseUnderTest();
    collector = await startCollector();
  });
  after(async () => {
    collector.close();
    await database.stop();
  });

  const found = (is: (span: CollectedSpan) => boolean): Promise<CollectedSpan> =>
    eventually(() => collector.spans.find(is), 'the span at the collector');

  it('cost a server without a collector nothing: the SDK is not even loaded', async () => {
    const server = await startTestServer();
    try {
      assert.equal(await call(server, 'sys/mounts', { traceparent: TRACEPARENT }), 200);
    } finally {
      await server.close();
    }
    assert.equal(isLoaded(), false);
  });

  for (const protocol of ['http/protobuf', 'http/json']) {
    it(`show a request from HTTP to SQL, and no secret of it, by ${protocol}`, async () => {
      collector.spans.length = collector.bodies.length = collector.requests.length = 0;
      const server = await startTestServer({ env: environment(collector, { OTEL_EXPORTER_OTLP_PROTOCOL: protocol }) });
      const issued = [];
      try {
        await configure(server.client, connectionTo(database));
        issued.push(await issue(server.client));
        assert.equal(await call(server, 'database/creds/my-first-role', { traceparent: TRACEPARENT }), 200);
        await server.client.write('sys/policies/acl/app', { policy: `path "${SECRET}" { capabilities = ["read"] }` });
        assert.equal(await call(server, `database/creds/${SECRET}?x=${SECRET}`, { 'x-vault-token': SECRET }), 403);
        assert.equal(await call(server, `${SECRET}/${SECRET}`, { tracestate: `k=${SECRET}`, baggage: SECRET }), 404);
      } finally {
        await server.close();
      }
      assert.equal(isLoaded(), true);
      assert.ok(collector.requests.every(({ path }) => path === '/v1/traces'));

      const ours = collector.spans.filter(({ traceId }) => traceId === REMOTE.traceId);
      const [root] = ours.filter(({ parentSpanId }) => parentSpanId === REMOTE.spanId);
      assert.ok(root);
      assert.equal(root.name, 'GET /v1/database/creds/:name');
      assert.equal(root.kind, 2);
      assert.equal(root.status, 0);
      const { 'coffer.request_id': id, ...rest } = root.attributes;
      assert.match(String(id), /^[0-9a-f-]{36}$/);
      assert.deepEqual(rest, {
        'http.request.method': 'GET',
        'http.response.status_code': 200,
        'http.route': '/v1/database/creds/:name',
        'network.protocol.version': '1.1',
      });
      assert.equal(root.resource['service.name'], 'coffer');
      const creates = ours.find(({ name }) => name.includes('CREATE ROLE'));
      assert.ok(creates, ours.map(({ name }) => name).join('\n'));
      assert.deepEqual(pathTo(ours, creates).slice(0, 3), [root.name, 'database read', 'plugin newUser']);
      assert.equal(creates.attributes['db.system.name'], 'postgresql');
      assert.equal(creates.attributes['server.port'], database.port);
      assert.ok(
        ours.some((span) => pathTo(ours, span).join(' > ') === `${root.name} > database read > store transaction`),
      );
      const engine = ours.find(({ name }) => name === 'database read');
      assert.equal(engine?.attributes['coffer.mount.type'], 'database');
      assert.equal(ours.filter((span) => pathTo(ours, span)[0] !== root.name).length, 0, 'each is below the first');

      const denied = collector.spans.find(({ attributes }) => attributes['http.response.status_code'] === 403);
      assert.equal(denied?.name, 'GET /v1/database/creds/:name');
      assert.equal(denied.status, 0);
      const nowhere = collector.spans.find(({ attributes }) => attributes['http.response.status_code'] === 404);
      assert.equal(nowhere?.name, 'GET');

      const everything = Buffer.concat(collector.bodies).toString('latin1');
      const [{ username, password, leaseId } = { username: '', password: '', leaseId: '' }] = issued;
      for (const secret of [SECRET, username, password, leaseId, database.password, 'my-first-role', 'VALID UNTIL']) {
        assert.ok(!everything.includes(secret), `the collector was told ${secret}`);
      }
      assert.ok(!everything.includes('"root"'));
    });
  }

  it('begin anew where a client sends what is no traceparent, and leave out what it does not want traced', async () => {
    collector.spans.length = 0;
    const server = await startTestServer({ env: environment(collector) });
    const zeros = '0'.repeat(32);
    const wrong = [
      ...['', 'x', TRACEPARENT.toUpperCase(), TRACEPARENT.replace('00-', 'ff-'), `${TRACEPARENT}-more`],
      ...[TRACEPARENT.replace(REMOTE.traceId, zeros), TRACEPARENT.replace(REMOTE.spanId, zeros.slice(16))],
      ...[`${TRACEPARENT}, ${TRACEPARENT}`, 'x'.repeat(5000)],
    ];
    try {
      for (const traceparent of wrong) assert.equal(await call(server, 'sys/mounts', { traceparent }), 200);
      assert.equal(await call(server, 'sys/auth', { traceparent: TRACEPARENT.replace(/01$/, '00') }), 200);
      assert.equal(await call(server, 'sys/policy', {}, { method: 'PATCH' }).then((status) => status >= 400), true);
    } finally {
      await server.close();
    }
    const mounts = collector.spans.filter(({ name }) => name === 'GET /v1/sys/mounts');
    assert.equal(mounts.length, wrong.length);
    assert.ok(mounts.every(({ traceId, parentSpanId }) => traceId !== REMOTE.traceId && parentSpanId === ''));
    assert.equal(new Set(mounts.map(({ traceId }) => traceId)).size, wrong.length);
    assert.ok(!collector.spans.some(({ name }) => name.includes('sys/auth')));
  });

  for (const answer of [500, 400, 'silence'] as const) {
    it(`never make a request fail or wait, with a collector that answers ${answer}`, async () => {
      const bad = await startCollector();
      bad.answer = answer;
      const env = environment(bad, { OTEL_BSP_MAX_QUEUE_SIZE: '20', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10' });
      const server = await startTestServer({ env });
      try {
        for (let count = 0; count < 150; count++) assert.equal(await call(server, 'sys/mounts'), 200);
        await eventually(
          () => server.log().includes('traces are lost; requests are not affected') || undefined,
          () => server.log(),
        );
      } finally {
        await server.close();
        bad.close();
      }
      const [, dropped, failed] = [...server.log().matchAll(/dropped=(\d+) failed=(\d+)/g)].at(-1) ?? [];
      assert.ok(Number(dropped) + Number(failed) >= 200, 'the last line has the sum');
      if (answer === 'silence') assert.ok(Number(dropped) >= 200, 'no more than the queue holds are kept');
      assert.ok(!server.log().includes('says something about what it got'));
    });
  }

  it('are sent by the executable as its configuration says, with the SQL of its store, the last of them at its end', async () => {
    collector.spans.length = 0;
    const home = await DurableHome.make({ OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test' });
    await database.query(`CREATE DATABASE coffer_traced OWNER ${database.user}`);
    const url = new URL(database.url);
    url.pathname = '/coffer_traced';
    await home.configure(
      `storage "yugabytedb" { connection_url = ${JSON.stringify(url.toString())} }\n` +
        `telemetry { otlp_endpoint = ${JSON.stringify(collector.url)} }`,
    );
    try {
      const server = await home.start();
      const { root_token: root, unseal_keys_b64: keys } = await initialize(server);
      await unseal(server, keys.slice(0, 2));
      assert.ok((await server.client(root).read('sys/mounts')) !== undefined);
      assert.equal(await server.stop('SIGTERM'), 0);
      const span = await found(({ name }) => name === 'GET /v1/sys/mounts');
      assert.equal(span.resource['deployment.environment.name'], 'test');
      const below = collector.spans.filter(({ traceId }) => traceId === span.traceId);
      const sql = below.filter(({ name }) => name.startsWith('SQL '));
      assert.ok(sql.length > 0);
      for (const each of sql) assert.equal(pathTo(below, each).at(-2), 'store transaction');
      const everything = Buffer.concat(collector.bodies).toString('latin1');
      for (const secret of [root, ...keys, database.password]) assert.ok(!everything.includes(secret));
    } finally {
      await home.remove();
      await database.query('DROP DATABASE IF EXISTS coffer_traced WITH (FORCE)');
    }
  });
});
