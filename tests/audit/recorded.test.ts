/**
 * Audit lines, field by field, against those that OpenBao 2.7.2 has written of the same requests (`recorded.jsonl`, one request of
 * `session.ts` a line).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { isJsonObject, type JsonObject, type JsonValue } from '@coffer/base';
import { startTestServer } from '../dev-server.ts';
import { playSession, SESSION } from './session.ts';

interface Recorded {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  readonly lines: readonly JsonObject[];
}

const RECORDED = parseLines(readFileSync(join(import.meta.dirname, 'recorded.jsonl'), 'utf8')) as unknown as Recorded[];

/** What differs from one run to the next, or between any two servers. */
const CHANCE = new Set([
  ...[
    'time',
    'id',
    'entity_id',
    'remote_port',
    'mount_accessor',
    'token_issue_time',
    'creation_time',
    'expire_time',
    'issue_time',
  ],
  ...['mount_running_version', 'mount_running_plugin_version', 'uuid', 'ttl'],
]);

/** What we have on purpose, or do not have: by field, of which requests. */
const DIFFERENCES: Readonly<Record<string, readonly string[]>> = {
  // Its own names for a wrong password, and for a lookup of an entity.
  error: ['PUT auth/userpass/login/ana'],
  // A wrapping token is nobody's here, and ends with its answer.
  'auth.display_name': ['PUT sys/wrapping/unwrap'],
  'auth.remaining_uses': ['PUT sys/wrapping/unwrap'],
  // Of a development server's root token.
  'response.data.issue_time': ['GET auth/token/lookup-self'],
  'response.data.renewable': ['GET auth/token/lookup-self'],
  // The list of mounts differs with what there is.
  'response.data': ['GET sys/auth'],
};

describe('audit lines as OpenBao writes them', () => {
  const directory = mkdtempSync(join(tmpdir(), 'coffer-audit-'));
  const own: Recorded[] = [];
  let server: Awaited<ReturnType<typeof startTestServer>>;

  before(async () => {
    server = await startTestServer();
    const file = join(directory, 'audit.log');
    await server.client.request('PUT', 'sys/audit/hashed', { body: { type: 'file', options: { file_path: file } } });
    let seen = readFileSync(file, 'utf8').trimEnd().split('\n').length;
    await playSession(server.address, 'root', async ({ method, path }, status) => {
      const lines = parseLines(readFileSync(file, 'utf8'));
      own.push({ method, path, status, lines: lines.slice(seen) });
      seen = lines.length;
    });
  });
  after(async () => {
    await server.close();
    rmSync(directory, { recursive: true, force: true });
  });

  it('are recorded for every request of the session', () => {
    assert.deepEqual(
      RECORDED.map(({ method, path }) => `${method} ${path}`),
      SESSION.map(({ method, path }) => `${method} ${path}`),
    );
  });

  for (const [index, { method, path, status, lines }] of RECORDED.entries()) {
    it(`${index}: ${method} ${path}, answered with ${status}`, () => {
      const found = own[index];
      assert.equal(found?.status, status);
      assert.deepEqual(
        found.lines.map(({ type }) => type),
        ['request', 'response'],
      );
      for (const [which, line] of lines.entries()) {
        const asked = `${method} ${path}`;
        assert.deepEqual(
          comparable(found.lines[which], asked),
          comparable(withAccessors(line), asked),
          which === 0 ? 'request' : 'response',
        );
      }
    });
  }
});

function parseLines(text: string): JsonObject[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as JsonObject);
}

/** OpenBao's router sets it only on the way to the engine, so that some lines lack it. We always know where a request leads. */
function withAccessors(line: JsonObject): JsonObject {
  const withAccessor = (half: JsonValue | undefined): JsonValue =>
    isJsonObject(half) && 'mount_point' in half ? { mount_accessor: 'any', ...half } : (half ?? {});
  const { response } = line;
  return {
    ...line,
    request: withAccessor(line['request']),
    ...(response !== undefined && { response: withAccessor(response) }),
  };
}

/** With marks for hashes and for what is left to chance, and without what differs on purpose. */
function comparable(value: JsonValue | undefined, asked: string, at = ''): unknown {
  if (typeof value === 'string') return value.replace(/hmac-sha256:[0-9a-f]{64}/, 'a hash');
  if (Array.isArray(value)) return value.map((item: JsonValue) => comparable(item, asked, at));
  if (!isJsonObject(value)) return value;
  const fields = Object.entries(value).flatMap(([name, child]) => {
    const place = at === '' ? name : `${at}.${name}`;
    const differs = DIFFERENCES[place] ?? [];
    if (differs.includes(asked) || differs.includes('*')) return [];
    return [[name, CHANCE.has(name) && typeof child !== 'object' ? typeof child : comparable(child, asked, place)]];
  });
  // A development server's root token is one like others.
  const isRoot = at === 'auth' && JSON.stringify(value['policies']) === '["root"]';
  return { ...Object.fromEntries(fields), ...(isRoot && { display_name: 'root' }) };
}
