/** What a trace shows of a plugin, in this process and in one of its own. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Secret, silentLogger, type Span, type SpanDescription, type SpanEnd, tracedRequest } from '@coffer/base';
import type { Database } from './database.ts';
import { MEMORY } from './database-fixture.ts';
import { withHostErrors } from './host-errors.ts';
import { FIXTURE_FILE, pluginDirectory } from './plugin-directory-fixture.ts';
import { PluginProcess } from './plugin-process.ts';
import { openDatabase } from './redaction.ts';

const SECRET = 'never-let-a-collector-see-this';

/** Traces `work`, and tells what was seen of it. */
async function spansOf(work: () => Promise<unknown>): Promise<(SpanDescription & SpanEnd)[]> {
  const seen: (SpanDescription & SpanEnd)[] = [];
  const spanOf = (description: SpanDescription): Span => ({
    child: spanOf,
    rename: () => undefined,
    set: () => undefined,
    end: (end) => seen.push({ ...description, ...end }),
  });
  const run = async (): Promise<void> => void (await work().catch(() => undefined));
  await tracedRequest({ begin: spanOf }, { name: 'GET' }, run, () => ({}));
  return seen.filter(({ name }) => name !== 'GET');
}

describe('a plugin in a trace', () => {
  let directory: Awaited<ReturnType<typeof pluginDirectory>>;
  before(async () => (directory = await pluginDirectory()));
  after(() => directory[Symbol.asyncDispose]());

  async function use(database: Database): Promise<readonly (SpanDescription & SpanEnd)[]> {
    const password = new Secret(SECRET);
    return spansOf(async () => {
      await database.initialize({ config: { host: SECRET }, verifyConnection: false });
      const usernameConfig = { displayName: SECRET, roleName: SECRET };
      await database.newUser({
        usernameConfig,
        password,
        expiration: new Date(),
        statements: [SECRET],
        rollbackStatements: [],
      });
      await database.deleteUser({ username: SECRET, statements: ['fail'] }).finally(() => database.close());
    });
  }

  it('is a call to another process where it has one', async () => {
    const process = await PluginProcess.launch({ directory: directory.path, path: FIXTURE_FILE, logger: silentLogger });
    const spans = await use(process.open());
    const newUser = spans.find(({ name }) => name === 'plugin newUser');
    assert.equal(newUser?.kind, 'client');
    assert.deepEqual(newUser.attributes, {
      'coffer.plugin.operation': 'newUser',
      'coffer.plugin.process': true,
      'rpc.system': 'grpc',
      'rpc.method': 'dbplugin.v5.Database/NewUser',
    });
    assert.ok(!JSON.stringify(spans).includes(SECRET));
  });

  it('is the same without a call where it has none', async () => {
    const spans = await use(withHostErrors(openDatabase(MEMORY, silentLogger)));
    const newUser = spans.find(({ name }) => name === 'plugin newUser');
    assert.equal(newUser?.kind, 'internal');
    assert.deepEqual(newUser.attributes, { 'coffer.plugin.operation': 'newUser', 'coffer.plugin.process': false });
    assert.ok(!JSON.stringify(spans).includes(SECRET));
  });
});
