/** What stands for a source and for whoever moves it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before } from 'node:test';
import type { CannedAnswer, SeenRequest } from '../../cli-fixture.ts';
import type { InputStream } from '../../stdin.ts';

export const NOTHING: CannedAnswer = { status: 404, body: { errors: [] } };

/** A terminal on which a line is typed each time that something is asked. */
export function terminal(...lines: readonly string[]): InputStream {
  const stream = new PassThrough();
  const left = [...lines];
  const setRawMode = (mode: boolean): unknown => mode && stream.write(left.shift() ?? '\u0003');
  return Object.assign(stream, { isTTY: true, setRawMode });
}

/** A source with two connections, and a target that has the plugin. */
export const connections = ({ method, path }: SeenRequest): CannedAnswer => {
  const ok = (data: object): CannedAnswer => ({ status: 200, body: { data } });
  if (method === 'PUT') return { status: 204 };
  if (path.startsWith('/target/')) return path.includes('/plugins/catalog/') ? ok({ builtin: true }) : NOTHING;
  if (path === '/v1/sys/mounts') return ok({ 'db/': { type: 'database', config: {} } });
  if (path.startsWith('/v1/db/config?')) return ok({ keys: ['one', 'two', 'team/'] });
  const details = { username: 'admin', host: 'h' };
  return path.startsWith('/v1/db/config/') ? ok({ plugin_name: 'ysql-plugin', connection_details: details }) : NOTHING;
};
export const written = (seen: readonly SeenRequest[]) =>
  seen.filter(({ method, path }) => method === 'PUT' && path.includes('/config/')).map(({ body }) => body);

/** Writes files for the tests of a suite, and returns their paths. They are gone after it. */
export function temporaryFiles(): (name: string, text: string) => Promise<string> {
  let directory = '';
  before(async () => (directory = await mkdtemp(join(tmpdir(), 'coffer-migrate-'))));
  after(() => rm(directory, { recursive: true }));
  return async (name, text) => {
    const path = join(directory, name);
    await writeFile(path, text);
    return path;
  };
}
