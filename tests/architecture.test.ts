/** Arrows between rooms only point where package.json says, and never into a room's inside. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { VERSION } from '@coffer/base';

const root = resolve(import.meta.dirname, '..');

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}
const readManifest = (file: string): Manifest => JSON.parse(readFileSync(join(root, file), 'utf8')) as Manifest;
const manifests = globSync(['apps/*/package.json', 'packages/**/package.json'], {
  cwd: root,
  exclude: (name) => name === 'node_modules',
});

/** `import x, { y } from 'z'`, `export * from 'z'`, and `import 'z'`. */
const IMPORTS =
  /^(?:import|export)(?:\s+type)?\s+(?:[\w$*]+(?:\s+as\s+\w+)?|(?:\w+\s*,\s*)?\{[^}]*\})\s+from\s+'([^']+)'|^import\s+'([^']+)'/gm;

describe('rooms', () => {
  for (const file of manifests) {
    const room = dirname(file);
    const manifest = readManifest(file);
    it(`${room} imports only what its package.json names`, () => {
      for (const source of globSync(`${room}/src/**/*.ts`, { cwd: root })) {
        const test = /\.test\.ts$|fixture|for-test/.test(source);
        const allowed = { ...manifest.dependencies, ...(test ? manifest.devDependencies : {}) };
        for (const [, from, alone] of readFileSync(join(root, source), 'utf8').matchAll(IMPORTS)) {
          const specifier = from ?? alone ?? '';
          if (specifier.startsWith('node:')) continue;
          if (specifier.startsWith('.')) {
            const target = relative(join(root, room), resolve(join(root, dirname(source)), specifier));
            assert.ok(!target.startsWith('..'), `${source} reaches into another room: ${specifier}`);
            continue;
          }
          const name = specifier
            .split('/')
            .slice(0, specifier.startsWith('@') ? 2 : 1)
            .join('/');
          assert.ok(Object.hasOwn(allowed, name), `${source} imports ${specifier}, which ${file} does not name`);
          assert.ok(!name.startsWith('@coffer/') || specifier === name, `${source} imports the inside of ${name}`);
        }
      }
    });
  }

  it('have no arrows in a circle', () => {
    const arrows = new Map(
      manifests.map(readManifest).map(({ name, dependencies = {} }) => [name, Object.keys(dependencies)]),
    );
    const visit = (name: string, trail: readonly string[]): void => {
      assert.ok(!trail.includes(name), `a circle: ${[...trail, name].join(' -> ')}`);
      for (const next of arrows.get(name) ?? []) visit(next, [...trail, name]);
    };
    for (const name of arrows.keys()) visit(name, []);
  });

  it('know no more than the floor plan allows', () => {
    const forbidden: Readonly<Record<string, readonly string[]>> = {
      '@coffer/go-plugin': ['@coffer/database-plugin', '@coffer/ysql', 'pg'],
      '@coffer/database-plugin': ['@coffer/ysql', 'pg'],
      '@coffer/framework': ['@coffer/store', '@coffer/core', '@coffer/http'],
      '@coffer/engine-database': ['@coffer/core', '@coffer/ysql', 'pg', '@coffer/http'],
      '@coffer/auth-approle': ['@coffer/core', '@coffer/http'],
      '@coffer/auth-token': ['@coffer/core', '@coffer/http'],
      '@coffer/auth-userpass': ['@coffer/core', '@coffer/http'],
      '@coffer/core': ['@coffer/http', 'pg'],
      '@coffer/http': ['@coffer/core', '@coffer/engine-database', '@coffer/engine-system'],
      '@coffer/cli': ['@coffer/core', '@coffer/store'],
      '@coffer/ysql': ['@coffer/core', '@coffer/http'],
    };
    for (const { name, dependencies = {} } of manifests.map(readManifest)) {
      for (const other of forbidden[name] ?? []) assert.ok(!Object.hasOwn(dependencies, other), `${name} -> ${other}`);
    }
  });

  it('are of one version', () => {
    for (const file of ['package.json', ...manifests]) assert.equal(readManifest(file).version, VERSION, file);
  });
});

describe('dependencies', () => {
  it('each have a line that says why', () => {
    const page = readFileSync(join(root, 'docs', 'dependencies.md'), 'utf8');
    const named = ['package.json', ...manifests].flatMap((file) => {
      const { dependencies = {}, devDependencies = {} } = readManifest(file);
      return [...Object.keys(dependencies), ...Object.keys(devDependencies)];
    });
    const { optionalDependencies = {} } = readManifest('package.json') as {
      optionalDependencies?: Record<string, string>;
    };
    for (const name of new Set([...named, ...Object.keys(optionalDependencies)])) {
      if (!name.startsWith('@coffer/'))
        assert.ok(page.includes(`\`${name}\``), `${name} is not in docs/dependencies.md`);
    }
  });
});
