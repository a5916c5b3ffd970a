import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isJsonObject } from '@coffer/base';
import { dropAdmin, makeAdmin, type TestDatabase } from '@coffer/testkit';
import { tryLogin } from '../logins.ts';
import { DIFFERENCES, type Difference } from './differences.ts';
import { readRecording } from './recording.ts';
import { SessionReplay } from './session-replay.ts';

/** What the sessions replayed so far differed by. */
const met = new Set<Difference>();

function replayWhole(file: string, prepare?: (database: TestDatabase) => Promise<unknown>): () => SessionReplay {
  let replay: SessionReplay | undefined;
  const started = (): SessionReplay => {
    assert.ok(replay, 'the server did not start');
    return replay;
  };
  before(async () => {
    replay = await SessionReplay.start(file);
    await prepare?.(replay.database);
  });
  after(() => replay?.stop());

  const commands = readRecording(file);
  for (const [index, recorded] of commands.entries()) {
    const title = recorded.command.slice(1, 6).join(' ').slice(0, 90);
    it(`${index + 1}: ${title}`, () => started().replay(recorded));
  }
  it('matched every exchange', (test) => {
    const { exchanges, differences } = started();
    test.diagnostic(`${commands.length} commands, ${exchanges} HTTP exchanges replayed`);
    for (const [{ name, reason }, count] of differences) test.diagnostic(`difference, ${count}x: ${name}: ${reason}`);
    for (const difference of differences.keys()) met.add(difference);
    assert.equal(exchanges, commands.flatMap(({ http }) => http).length);
  });
  return started;
}

describe('the recorded seed session', () => {
  replayWhole('seed-session.jsonl');
});

describe('the recorded session of rotation, logins and wrapping', () => {
  const file = 'rotation-wrapping-auth-session.jsonl';
  const replay = replayWhole(file, async (database) => {
    await dropAdmin(database, 'rootuser');
    await makeAdmin(database, { user: 'rootuser', password: 'rootpw' });
    await database.query('DROP ROLE IF EXISTS static_app');
    await database.query('CREATE ROLE static_app LOGIN');
  });

  it('told passwords that the database takes, and no older ones', async () => {
    const { database } = replay();
    const told = readRecording(file).flatMap(({ command, http }) => {
      const body = command.includes('db1/static-creds/st1') ? http[0]?.response.body : undefined;
      const data = isJsonObject(body) ? body['data'] : undefined;
      const password = isJsonObject(data) ? data['password'] : undefined;
      return typeof password === 'string' ? [replay().inPlaceOf(password)] : [];
    });
    const [first = '', last = ''] = [told.at(0), told.at(-1)];
    assert.deepEqual(await tryLogin(database, 'static_app', last), { user: 'static_app' });
    assert.ok('refusal' in (await tryLogin(database, 'static_app', first)), 'the password before rotate-role');
    assert.ok('refusal' in (await tryLogin(database, 'rootuser', 'rootpw')), 'the password before rotate-root');
  });
});

it('every difference is met: none hides what is as recorded', () => {
  assert.deepEqual([...met].map(({ name }) => name).sort(), DIFFERENCES.map(({ name }) => name).sort());
});
