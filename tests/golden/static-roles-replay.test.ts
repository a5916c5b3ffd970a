/**
 * The static role, rotate-role and rotate-root exchanges of the recorded rotation session, request by request: status and
 * body as they were recorded. The commands' own output is compared by the other replay.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isJsonObject, type JsonValue } from '@coffer/base';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { startTestServer, type TestServer } from '../dev-server.ts';
import { normalizeBody } from './normalize.ts';
import { type RecordedCommand, type RecordedExchange, readRecording } from './recording.ts';

/** From the start of the session to the first command of another subject. */
const COMMANDS = 22;

/** Where we differ on purpose, by the path of the request. */
const DIFFERENCES: Readonly<Record<string, { readonly reason: string; readonly error: RegExp }>> = {
  '/v1/db1/static-roles/st2': {
    reason: 'a second static role on the same login is refused: each would undo the rotations of the other',
    error: /"static_app" is the login of the static role "st1" already/,
  },
};

describe('the recorded rotation session', () => {
  let database: TestDatabase;
  let server: TestServer;
  const leases = new Map<string, string>();

  before(async () => {
    database = await databaseUnderTest();
    await database.query("CREATE ROLE rootuser SUPERUSER LOGIN PASSWORD 'rootpw'");
    await database.query('CREATE ROLE static_app LOGIN');
    server = await startTestServer();
  });
  after(async () => {
    await server.close();
    await database.stop();
  });

  for (const [index, recorded] of readRecording('rotation-wrapping-auth-session.jsonl').slice(0, COMMANDS).entries()) {
    it(`${index + 1}: ${recorded.command.slice(1, 6).join(' ').slice(0, 90)}`, async (test) => {
      for (const exchange of recorded.http) {
        const difference = DIFFERENCES[exchange.request.path];
        if (difference === undefined) await replay(recorded, exchange);
        else {
          test.diagnostic(`difference: ${difference.reason}`);
          const { status, body } = await send(exchange);
          assert.equal(status, 400);
          const errors = (body as { errors: readonly string[] }).errors;
          assert.match(errors.join(), difference.error);
        }
      }
    });
  }

  async function replay({ command }: RecordedCommand, exchange: RecordedExchange): Promise<void> {
    const { status, body } = await send(exchange);
    const expected = exchange.response;
    assert.equal(status, expected.status, JSON.stringify(body));
    assert.equal(words(body), words(expected.body), command.join(' '));
    const theirs = isJsonObject(expected.body) ? expected.body['lease_id'] : undefined;
    const ours = isJsonObject(body) ? body['lease_id'] : undefined;
    if (typeof theirs === 'string' && theirs !== '' && typeof ours === 'string') leases.set(theirs, ours);
  }

  async function send({ request }: RecordedExchange): Promise<{ status: number; body: JsonValue | undefined }> {
    const response = await fetch(server.address + translate(request.path), {
      method: request.method,
      headers: { 'x-vault-token': 'root', 'x-vault-request': 'true' },
      ...(request.body != null && { body: translate(JSON.stringify(request.body)) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : (JSON.parse(text) as JsonValue) };
  }

  /** The recording's names and ports in ours. */
  function translate(text: string): string {
    let result = text.replace('"port":"5433"', `"port":"${database.port}"`);
    for (const [theirs, ours] of leases) result = result.replaceAll(theirs, ours);
    return result;
  }

  /** What is random, masked; the text of a wrapped multierror of the original plugin is one level deeper than ours. */
  function words(body: JsonValue | undefined): string {
    return normalizeBody(body)
      .replaceAll(String(database.port), '5433')
      .replace(/app_[A-Z0-9]{8}_\d{10}/g, '<username>')
      .replace(/("ttl": )3(600|59\d)\b/g, '$1<almost 3600>')
      .replace('desc = unable to update user: 1 error occurred:\\n\\t* ', 'desc = unable to update user: ')
      .replace(/(\\n)+"/g, '"');
  }
});
