/** What HashiCorp's host code says of a plugin that cannot start, as docs/plugin.md has it under "When the plugin does not start". */
import assert from 'node:assert/strict';
import { chmod, copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { cleanEnvironment, DIST } from '../coffer-process.ts';
import { readPage } from '../documentation.ts';
import { GoHost } from './go-host.ts';
import { buildGoPrograms } from './go-programs.ts';

const PAGE = readPage('docs/plugin.md');
const programs = buildGoPrograms();

if ('missing' in programs) {
  it(programs.missing, { skip: true });
} else {
  const { directory, host: program } = programs;

  /** Resolves with the error of the host and with what its log says. */
  const start = async (file: string, path: string): Promise<{ error: string; log: string; errors: string }> => {
    const host = new GoHost(program, cleanEnvironment({ PATH: path }));
    try {
      await host.call('register', { plugin: 'ysql', file, protocols: [5, 6] });
      const outcome: unknown = await host.open('ysql', 'ysql').catch((error: unknown) => error);
      assert.ok(outcome instanceof Error, 'it cannot start');
      const [log, errors] = [host.log, host.log.filter(({ level }) => level === 'error')].map((lines) =>
        lines.map(({ line }) => line).join('\n'),
      );
      return { error: outcome.message, log: log ?? '', errors: errors ?? '' };
    } finally {
      await host.stop();
    }
  };
  const says = (text: string): void => assert.ok(PAGE.includes(text), `docs/plugin.md: ${text}`);

  it('where the loader that the executable names is missing, as with musl', async (t) => {
    const bytes = await readFile(join(DIST, 'ysql-plugin'));
    const at = bytes.indexOf('/ld-linux-');
    if (at < 0) return t.skip('the executable names no loader of glibc');
    bytes.write('/ld-absent-'.slice(0, '/ld-linux-'.length), at, 'latin1');
    const file = join(directory, 'no-loader');
    await writeFile(file, bytes, { mode: 0o755 });
    const { error } = await start(file, process.env['PATH'] ?? '');
    assert.match(error, /fork\/exec \/\S+: no such file or directory/);
    says('fork/exec …/ysql-plugin: no such file or directory');
  });

  it('where there is no Node.js for the script', async () => {
    const { error, log, errors } = await start(join(DIST, 'ysql-plugin.cjs'), join(directory, 'nothing'));
    assert.match(error, /^Unrecognized remote plugin message/);
    assert.match(log, /env: .?node.?: No such file or directory/);
    // What the page says of it.
    assert.doesNotMatch(errors, /No such file or directory/);
    says('before it in the log at level `debug`');
    says('Unrecognized remote plugin message');
  });

  it('where the Node.js is too old for the script', async () => {
    const bin = join(directory, 'old');
    await mkdir(bin);
    await writeFile(join(bin, 'old.cjs'), `Object.defineProperty(process.versions, 'node', { value: '20.20.2' });`);
    await writeFile(join(bin, 'node'), `#!/bin/sh\nexec '${process.execPath}' --require '${bin}/old.cjs' "$@"\n`);
    await chmod(join(bin, 'node'), 0o755);
    const { error, errors } = await start(join(DIST, 'ysql-plugin.cjs'), `${bin}:${process.env['PATH'] ?? ''}`);
    assert.match(error, /^Unrecognized remote plugin message/);
    // Not at the level debug, as plain text: Vault's log leaves that out.
    assert.match(errors, /ysql-plugin\.cjs needs Node\.js 22 or newer, and this is v/);
    says('ysql-plugin.cjs needs Node.js 22 or newer');
  });

  it('where it is not executable', async () => {
    const file = join(directory, 'not-executable');
    await copyFile(join(DIST, 'ysql-plugin.cjs'), file);
    await chmod(file, 0o644);
    assert.match((await start(file, process.env['PATH'] ?? '')).error, /fork\/exec \/\S+: permission denied/);
    says('fork/exec …: permission denied');
  });
}
