/** Builds the Go programs beside this file, where there is a Go to build them with. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

export interface GoPrograms {
  /** Empty, of this process alone; it is removed at the end of the process. */
  readonly directory: string;
  /** HashiCorp's host code: see `host/main.go`. */
  readonly host: string;
  /** A plugin made with HashiCorp's SDK: see `plugin/main.go`. */
  readonly plugin: string;
  /** Vault's template library: see `template/main.go`. */
  readonly template: string;
}

/** Where they are kept: `go build` links nothing when what it would make is there. */
const PROGRAMS = resolve(import.meta.dirname, '../../node_modules/.cache/interop');

/** What `go build` says when it cannot have the modules; any other failure is a failure of the tests. */
const NO_MODULES =
  /dial tcp|no such host|i\/o timeout|connection refused|TLS handshake timeout|proxyconnect|module lookup disabled|toolchain not available/i;

/** The programs, or why there are none: a line to skip the tests with. Takes minutes when nothing is cached yet. */
export function buildGoPrograms(): GoPrograms | { readonly missing: string } {
  if (spawnSync('go', ['version']).status !== 0) {
    return { missing: 'go is not on PATH: the interop tests are skipped' };
  }
  const directory = mkdtempSync(join(tmpdir(), 'coffer-interop-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  mkdirSync(PROGRAMS, { recursive: true });
  const build = spawnSync('go', ['build', '-o', `${PROGRAMS}/`, './host', './plugin', './template'], {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  if (build.status !== 0) {
    if (!NO_MODULES.test(build.stderr)) throw new Error(`go build failed:\n${build.stderr}`);
    const [first = ''] = build.stderr.trim().split('\n').slice(-1);
    return { missing: `Go modules cannot be downloaded: the interop tests are skipped (${first})` };
  }
  return {
    directory,
    host: join(PROGRAMS, 'host'),
    plugin: join(PROGRAMS, 'plugin'),
    template: join(PROGRAMS, 'template'),
  };
}
