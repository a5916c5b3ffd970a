import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { isJsonObject, type JsonValue } from '@coffer/base';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { type CommandResult, coffer, DIST, type ServerProcess, startServer } from '../coffer-process.ts';
import { DIFFERENCES, type Difference } from './differences.ts';
import { normalizeBody, normalizeText, withoutColumns } from './normalize.ts';
import { type Recorder, type SeenExchange, startRecorder } from './recorder.ts';
import { type RecordedCommand, readRecording } from './recording.ts';

/** A revocation that was asked for without waiting may take this long, in milliseconds. */
const ASYNC_REVOCATION_MS = 2_000;
const SAME_HEADERS = ['cache-control', 'content-type', 'strict-transport-security'];

describe('the recorded seed session', () => {
  let database: TestDatabase;
  let directory: string;
  let server: ServerProcess;
  let recorder: Recorder;
  /** What the recording names, and what we have in its place: leases, tokens. */
  const ours = new Map<string, string>();
  let exchanges = 0;

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-plugins-'));
    await copyFile(join(DIST, 'ysql-plugin'), join(directory, 'ysql-plugin'));
    database = await databaseUnderTest();
    server = await startServer([`-dev-plugin-dir=${directory}`]);
    recorder = await startRecorder(server.address);
  });
  after(async () => {
    await recorder.close();
    await server.stop();
    await database.stop();
    await rm(directory, { recursive: true });
  });

  for (const [index, recorded] of readRecording('seed-session.jsonl').entries()) {
    const title = recorded.command.slice(0, 5).join(' ').slice(0, 90);
    it(`${index + 1}: ${title}`, async () => {
      const difference = DIFFERENCES.find(({ applies }) => applies(recorded.command));
      const expected = difference === undefined ? recorded : difference.expected(recorded);
      await replay(recorded, expected, difference);
    });
  }

  it('matched every exchange', (test) => {
    test.diagnostic(`${exchanges} HTTP exchanges matched; differences on purpose: ${DIFFERENCES.length}`);
    for (const { name, reason } of DIFFERENCES) test.diagnostic(`difference: ${name}: ${reason}`);
    assert.equal(exchanges, readRecording('seed-session.jsonl').flatMap(({ http }) => http).length);
  });

  async function replay(recorded: RecordedCommand, expected: RecordedCommand, difference?: Difference): Promise<void> {
    const deadline = Date.now() + ASYNC_REVOCATION_MS;
    for (;;) {
      const result = await run(recorded);
      const seen = recorder.take();
      try {
        compare(result, seen, expected, difference);
        learn(recorded, seen);
        exchanges += seen.length;
        return;
      } catch (error) {
        const waits = recorded.command[1] === 'lease' && recorded.exit !== 0 && Date.now() < deadline;
        if (!waits) throw error;
        await sleep(50);
      }
    }
  }

  function run({ command, http }: RecordedCommand): Promise<CommandResult> {
    const args = command.slice(1).map(translate);
    const token = http[0]?.request.headers['x-vault-token'] ?? 'root';
    const body = http[0]?.request.body;
    const policy = args.at(-1) === '-' && isJsonObject(body) ? (body['policy'] as string) : '';
    const env = { VAULT_ADDR: recorder.address, VAULT_TOKEN: ours.get(token) ?? token };
    return coffer(args, { env, stdin: policy });
  }

  /** The recording's names and ports in ours. */
  function translate(text: string): string {
    let result = text
      .replace(/^port=5433$/, `port=${database.port}`)
      .replace('localhost:5433', `localhost:${database.port}`);
    for (const [theirs, mine] of ours) result = result.replaceAll(theirs, mine);
    return result;
  }

  function compare(
    result: CommandResult,
    seen: SeenExchange[],
    expected: RecordedCommand,
    difference?: Difference,
  ): void {
    const words = (text: string): string => {
      const normal = normalizeText(text).replaceAll(String(database.port), '5433');
      return difference?.otherColumns === true ? withoutColumns(normal) : normal;
    };
    if (expected.command.includes('-field=password')) assert.match(result.stdout, /^[A-Za-z0-9-]{20}$/);
    else assert.equal(words(result.stdout), words(expected.stdout), `stdout; stderr was: ${result.stderr}`);
    assert.equal(words(result.stderr), words(expected.stderr), 'stderr');
    assert.equal(result.exit, expected.exit, 'exit code');
    assert.deepEqual(
      seen.map(({ method, path }) => `${method} ${words(path)}`),
      expected.http.map(({ request }) => `${request.method} ${words(request.path)}`),
    );
    for (const [index, exchange] of seen.entries()) compareExchange(exchange, expected.http[index], words);
  }

  function compareExchange(
    seen: SeenExchange,
    expected: RecordedCommand['http'][number] | undefined,
    words: (text: string) => string,
  ): void {
    assert.ok(expected);
    const body = (value: JsonValue | undefined): string => words(normalizeBody(value === null ? undefined : value));
    assert.equal(body(seen.requestBody), body(expected.request.body), 'request body');
    assert.equal(seen.status, expected.response.status, 'status');
    assert.equal(body(seen.responseBody), body(expected.response.body), 'response body');
    for (const name of SAME_HEADERS) assert.equal(seen.headers[name], expected.response.headers[name], name);
  }

  /** Notes our lease ids and tokens in place of the recorded ones. */
  function learn(recorded: RecordedCommand, seen: SeenExchange[]): void {
    for (const [index, { responseBody }] of seen.entries()) {
      const theirs = recorded.http[index]?.response.body;
      for (const path of [['lease_id'], ['auth', 'client_token']]) {
        const from = at(theirs, path);
        const to = at(responseBody, path);
        if (typeof from === 'string' && from !== '' && typeof to === 'string') ours.set(from, to);
      }
    }
  }

  function at(value: JsonValue | undefined, path: readonly string[]): JsonValue | undefined {
    return path.reduce<JsonValue | undefined>((inner, key) => (isJsonObject(inner) ? inner[key] : undefined), value);
  }
});
