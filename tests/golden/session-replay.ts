/**
 * Replays a recorded session against the built server and plugin and a real database, command by command, in its order. The
 * commands run in this process, since a start of the executable takes thirty times as long as what it does.
 */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isJsonObject, type JsonValue, VERSION } from '@coffer/base';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { type Ran, runCli } from '../../packages/cli/src/cli-fixture.ts';
import { type ServerProcess, startServer } from '../coffer-process.ts';
import { DIFFERENCES, type Difference } from './differences.ts';
import { normalizeBody, normalizeText, onlyWords, withoutColumns } from './normalize.ts';
import { type Recorder, type SeenExchange, startRecorder } from './recorder.ts';
import { type RecordedCommand, type RecordedExchange, readRecording } from './recording.ts';
import { putPlugin } from '../plugin-file.ts';

/** A revocation that was asked for without waiting may take this long, in milliseconds. */
const ASYNC_REVOCATION_MS = 2_000;
const SAME_REQUEST_HEADERS = ['x-vault-token', 'x-vault-wrap-ttl', 'x-vault-request'];
const SAME_RESPONSE_HEADERS = ['cache-control', 'content-type', 'strict-transport-security'];

/** Fields of answers that every server makes for itself, and that later commands of the session name. */
const MADE_BY_THE_SERVER = ['lease_id', 'client_token', 'token', 'role_id', 'secret_id', 'password'];

export class SessionReplay {
  readonly database: TestDatabase;
  readonly commands: readonly RecordedCommand[];
  readonly #server: ServerProcess;
  readonly #recorder: Recorder;
  readonly #plugins: string;
  /** What the recording names, and what we have in its place. */
  readonly #ours = new Map<string, string>();
  readonly #differences = new Map<Difference, number>();
  #exchanges = 0;

  private constructor(
    file: string,
    parts: { database: TestDatabase; server: ServerProcess; recorder: Recorder; plugins: string },
  ) {
    this.commands = readRecording(file);
    this.database = parts.database;
    this.#server = parts.server;
    this.#recorder = parts.recorder;
    this.#plugins = parts.plugins;
  }

  /** A development server of `dist/coffer` that finds the built plugin in its plugin directory, and a database. */
  static async start(file: string): Promise<SessionReplay> {
    const plugins = await mkdtemp(join(tmpdir(), 'coffer-plugins-'));
    await putPlugin(plugins);
    const database = await databaseUnderTest();
    const server = await startServer([`-dev-plugin-dir=${plugins}`]);
    return new SessionReplay(file, { database, server, recorder: await startRecorder(server.address), plugins });
  }

  async stop(): Promise<void> {
    await this.#recorder.close();
    await this.#server.stop();
    await this.database.stop();
    await rm(this.#plugins, { recursive: true });
  }

  /** HTTP exchanges that were as recorded so far. */
  get exchanges(): number {
    return this.#exchanges;
  }

  /** In how many commands each difference was met so far. */
  get differences(): ReadonlyMap<Difference, number> {
    return this.#differences;
  }

  /** What this server made where the recorded one made `theirs`. */
  inPlaceOf(theirs: string): string {
    return this.#ours.get(theirs) ?? theirs;
  }

  /** Runs the command and compares. @throws AssertionError where something differs that no difference explains */
  async replay(recorded: RecordedCommand): Promise<void> {
    const differences = DIFFERENCES.filter(({ applies }) => applies(recorded));
    const expected = differences.reduce((before, difference) => difference.expected(before), recorded);
    const deadline = Date.now() + ASYNC_REVOCATION_MS;
    for (;;) {
      const result = await this.#run(recorded);
      const seen = this.#recorder.take();
      try {
        this.#compare(result, seen, expected, differences);
        this.#learn(recorded, seen);
        this.#exchanges += seen.length;
        for (const difference of differences)
          this.#differences.set(difference, (this.#differences.get(difference) ?? 0) + 1);
        return;
      } catch (error) {
        const waits = recorded.command[1] === 'lease' && recorded.exit !== 0 && Date.now() < deadline;
        if (!waits) throw error;
        await sleep(50);
      }
    }
  }

  #run({ command, http }: RecordedCommand): Promise<Ran> {
    const args = command.slice(1).map((word) => this.#translate(word));
    const token = http[0]?.request.headers['x-vault-token'] ?? 'root';
    const body = http[0]?.request.body;
    const stdin = args.at(-1) === '-' && isJsonObject(body) ? (body['policy'] as string) : '';
    const env = { VAULT_ADDR: this.#recorder.address, VAULT_TOKEN: this.inPlaceOf(token) };
    return runCli(args, { env, stdin, extra: { program: 'coffer', version: VERSION } });
  }

  /** The recording's names and ports in ours. */
  #translate(text: string): string {
    const { port } = this.database;
    let result = text.replace(/^port=5433$/, `port=${port}`).replace('localhost:5433', `localhost:${port}`);
    for (const [theirs, mine] of this.#ours) result = result.replaceAll(theirs, mine);
    return result;
  }

  #compare(
    result: Ran,
    seen: readonly SeenExchange[],
    expected: RecordedCommand,
    differences: readonly Difference[],
  ): void {
    const words = (text: string): string => {
      const normal = normalizeText(text).replaceAll(String(this.database.port), '5433');
      if (differences.some(({ otherLines }) => otherLines)) return onlyWords(normal);
      return differences.some(({ otherColumns }) => otherColumns) ? withoutColumns(normal) : normal;
    };
    if (expected.command.includes('-field=password')) assert.match(result.stdout, /^[A-Za-z0-9-]{20}$/);
    else assert.equal(words(result.stdout), words(expected.stdout), `stdout; stderr was: ${result.stderr}`);
    assert.equal(words(result.stderr), words(expected.stderr), 'stderr');
    assert.equal(result.exitCode, expected.exit, 'exit code');
    assert.deepEqual(
      seen.map(({ method, path }) => `${method} ${words(path)}`),
      expected.http.map(({ request }) => `${request.method} ${words(request.path)}`),
    );
    for (const [index, exchange] of seen.entries()) this.#compareExchange(exchange, expected.http[index], words);
  }

  #compareExchange(seen: SeenExchange, expected: RecordedExchange | undefined, words: (text: string) => string): void {
    assert.ok(expected);
    const { request, response } = expected;
    const body = (value: JsonValue | undefined): string => words(normalizeBody(value === null ? undefined : value));
    for (const name of SAME_REQUEST_HEADERS) {
      const recorded = request.headers[name];
      assert.equal(seen.requestHeaders[name], recorded === undefined ? undefined : this.inPlaceOf(recorded), name);
    }
    assert.equal(body(seen.requestBody), body(request.body), 'request body');
    assert.equal(seen.status, response.status, 'status');
    assert.equal(body(seen.responseBody), body(response.body), 'response body');
    for (const name of SAME_RESPONSE_HEADERS) assert.equal(seen.responseHeaders[name], response.headers[name], name);
  }

  /** Notes our ids, tokens and passwords in place of the recorded ones. */
  #learn(recorded: RecordedCommand, seen: readonly SeenExchange[]): void {
    const learn = (theirs: JsonValue | undefined, mine: JsonValue | undefined): void => {
      if (!isJsonObject(theirs) || !isJsonObject(mine)) return;
      for (const [key, value] of Object.entries(theirs)) {
        const counterpart = mine[key];
        learn(value, counterpart);
        if (!MADE_BY_THE_SERVER.includes(key) || value === counterpart || value === '') continue;
        if (typeof value === 'string' && typeof counterpart === 'string') this.#ours.set(value, counterpart);
      }
    };
    for (const [index, { responseBody }] of seen.entries()) learn(recorded.http[index]?.response.body, responseBody);
  }
}
