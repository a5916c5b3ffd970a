import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { CannedAnswer } from './cli-fixture.ts';
import { runCli, withServer } from './cli-fixture.ts';

/**
 * The commands alone, with the recorded answers: here every byte counts, as times, ids and passwords are the recorded
 * ones. tests/golden replays the same sessions against a server.
 */
const GOLDEN = join(import.meta.dirname, '../../../tests/golden');

interface Entry {
  readonly command: readonly string[];
  readonly exit: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly http: readonly {
    readonly request: { method: string; path: string; headers: Record<string, string>; body?: unknown };
    readonly response: CannedAnswer;
  }[];
}

/** The recording is of OpenBao; what it says about itself, we say about Vault. Versions of its plugins stay. */
function asVault(text: string): string {
  return text.replaceAll('OpenBao', 'Vault').replaceAll('"bao ', '"vault ').replaceAll('BAO_TOKEN', 'VAULT_TOKEN');
}

/** Renaming moves line breaks in running text: there, only the words count. */
function comparable(text: string, renamed: boolean): string {
  return renamed ? text.split(/\s+/).filter(Boolean).join(' ') : text.trimEnd();
}

async function replay(entry: Entry): Promise<void> {
  let next = 0;
  const answer = (): CannedAnswer =>
    entry.http[next++]?.response ?? { status: 599, body: { errors: ['not recorded'] } };
  await withServer(answer, async ({ address, seen }) => {
    const first = entry.http[0]?.request;
    const recordedToken = entry.http.map(({ request }) => request.headers['x-vault-token']).find(Boolean);
    const body = first?.body;
    const stdin =
      entry.command.at(-1) === '-' && typeof body === 'object' && body !== null && 'policy' in body
        ? String(body.policy)
        : '';
    const env = { VAULT_ADDR: address, VAULT_TOKEN: recordedToken ?? 'root' };
    const { exitCode, stdout, stderr } = await runCli(entry.command.slice(1), { env, stdin });
    for (const [name, actual, recorded] of [
      ['stdout', stdout, entry.stdout],
      ['stderr', stderr, entry.stderr],
    ] as const) {
      const expected = asVault(recorded);
      const renamed = recorded !== expected && entry.command.includes('login');
      assert.equal(
        comparable(actual.replaceAll(address, 'http://127.0.0.1:8200'), renamed),
        comparable(expected, renamed),
        `${name} of ${entry.command.join(' ')}`,
      );
    }
    assert.equal(exitCode, entry.exit, `exit code of ${entry.command.join(' ')}`);
    const token = (headers: Record<string, unknown>) => [
      headers['x-vault-token'],
      headers['x-vault-wrap-ttl'],
      headers['x-vault-request'],
    ];
    assert.deepEqual(
      seen.map(({ method, path, headers, body: sent }) => [method, path, token(headers), sent]),
      entry.http.map(({ request }) => [request.method, request.path, token(request.headers), request.body]),
      `requests of ${entry.command.join(' ')}`,
    );
  });
}

for (const [file, expected] of [
  ['seed-session.jsonl', 68],
  ['rotation-wrapping-auth-session.jsonl', 53],
] as const) {
  const path = join(GOLDEN, file);
  describe(`recorded session ${file}`, () => {
    const lines = readFileSync(path, 'utf8').split('\n').filter(Boolean);
    const entries = lines.map((line) => JSON.parse(line) as Entry);
    it('is replayed as a whole', () => assert.equal(entries.length, expected));
    for (const [index, entry] of entries.entries()) {
      it(`${index}: ${entry.command.join(' ').slice(0, 90)}`, () => replay(entry));
    }
  });
}
