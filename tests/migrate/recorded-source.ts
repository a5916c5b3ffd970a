/** What a real OpenBao answered (recorded-openbao.json, written by record.ts), answered again. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { TestDatabase } from '@coffer/testkit';
import { SOURCE_TOKEN } from './running-openbao.ts';

export const RECORDING = join(import.meta.dirname, 'recorded-openbao.json');
/** Stands for the password of the static role. */
export const RECORDED_PASSWORD = 'fakefakefakefakefakefake';

export interface RecordedAnswer {
  readonly status: number;
  readonly body?: unknown;
}

/** By method, path and query: `GET /v1/sys/mounts`. */
export type Recording = Readonly<Record<string, RecordedAnswer>>;

/** What stands in the recording for what is another one in each run. */
export function placeholders({ port, user, database, host }: TestDatabase): readonly (readonly [string, string])[] {
  return [
    [`${host}:${port}/${database}`, '<host>:<port>/<database>'],
    [`"host":"${host}"`, '"host":"<host>"'],
    [`"port":"${port}"`, '"port":"<port>"'],
    [`"db":"${database}"`, '"db":"<database>"'],
    [`"username":"${user}"`, '"username":"<user>"'],
    [`//${user}:`, '//<user>:'],
  ];
}

export interface RecordedSource {
  readonly address: string;
  /** What is answered to a path in place of what was recorded, while it says something. */
  instead: (path: string, method: string) => RecordedAnswer | undefined;
  close(): Promise<void>;
}

export async function startRecordedSource(database: TestDatabase): Promise<RecordedSource> {
  let text = JSON.stringify(JSON.parse(readFileSync(RECORDING, 'utf8')));
  for (const [real, placeholder] of placeholders(database)) text = text.replaceAll(placeholder, real);
  const recording = JSON.parse(text) as Recording;
  const server = createServer(({ method = '', url = '', headers }, response) => {
    const known = headers['x-vault-token'] === SOURCE_TOKEN || url === '/v1/sys/seal-status';
    const refused = { status: 403, body: { errors: ['permission denied'] } };
    // Never asked when it was recorded: the test fails by what the command makes of it.
    const missing = { status: 500, body: { errors: [`not recorded: ${method} ${url}`] } };
    const answer = source.instead(url, method) ?? (known ? (recording[`${method} ${url}`] ?? missing) : refused);
    response.writeHead(answer.status, { 'Content-Type': 'application/json' });
    response.end(answer.body === undefined ? undefined : JSON.stringify(answer.body));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const source: RecordedSource = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    instead: () => undefined,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
  return source;
}
