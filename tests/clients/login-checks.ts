/** Where programs without a driver for PostgreSQL ask whether a password logs in to the database. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestDatabase } from '@coffer/testkit';
import { tryLogin } from '../logins.ts';

export interface LoginChecks {
  /** Takes POST `{ username, password }`, answers `{ loggedIn }`; 500 when the database said neither yes nor no. */
  readonly url: string;
  /** Every password that was asked about. */
  readonly passwords: ReadonlySet<string>;
  close(): Promise<void>;
}

const REFUSED = /password authentication failed/;

export async function startLoginChecks(database: TestDatabase): Promise<LoginChecks> {
  const passwords = new Set<string>();
  const check = async (body: string): Promise<[status: number, answer: object]> => {
    const { username, password } = JSON.parse(body) as { username: string; password: string };
    passwords.add(password);
    const outcome = await tryLogin(database, username, password);
    if ('user' in outcome) return [200, { loggedIn: outcome.user === username }];
    return REFUSED.test(outcome.refusal) ? [200, { loggedIn: false }] : [500, outcome];
  };
  const server = createServer((incoming, outgoing) => {
    text(incoming)
      .then(check)
      .then(([status, answer]) => {
        outgoing.writeHead(status, { 'content-type': 'application/json' });
        outgoing.end(JSON.stringify(answer));
      })
      .catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : new Error(String(error))));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    passwords,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
