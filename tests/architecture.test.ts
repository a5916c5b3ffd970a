/** Arrows between rooms only point where package.json says, and never into a room's inside. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, it } from 'node:test';
import { VERSION } from '@coffer/base';
import ts from 'typescript';

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

/** What a file imports, as it says it, if only for a type. */
const specifiersOf = (file: string): readonly string[] =>
  ts.preProcessFile(readFileSync(file, 'utf8')).importedFiles.map(({ fileName }) => fileName);

/** What a file looks up by name, without importing it. */
const resolvedBy = (file: string): readonly string[] =>
  [...readFileSync(file, 'utf8').matchAll(/\.resolve\('([^']+)'\)/g)].map(([, name = '']) => name);

/** `@scope/name` or `name`, without what follows. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** What tests with the whole of a room: it may import all of it. */
const isTest = (file: string): boolean => /(?:\.test|-fixture)\.ts$/.test(file);

/**
 * The folders of a room's `src`, from the bottom up: a folder imports itself and those before it, and nothing of what stands
 * beside them, which imports all.
 */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  'packages/core': [
    'epochs',
    'barrier',
    'identity',
    'nodes',
    'leases',
    'tokens',
    'policies',
    'mounts',
    'quotas',
    'audit',
    'seal',
    'snapshot',
  ],
  'packages/yb-connection': ['settings', 'session', 'cluster'],
  'packages/ysql': ['sql', 'settings', 'ddl', 'users'],
};

/** The file that an import of a room leads to. */
const entries: ReadonlyMap<string, string> = new Map(
  manifests.map((file) => [readManifest(file).name, join(root, dirname(file), 'src', 'index.ts')]),
);

/** The files of ours that a file imports. */
function importsOf(file: string): readonly string[] {
  return specifiersOf(file).flatMap((specifier) => {
    if (specifier.startsWith('.')) return specifier.endsWith('.ts') ? [resolve(dirname(file), specifier)] : [];
    const entry = entries.get(specifier);
    return entry === undefined ? [] : [entry];
  });
}

/** For each import that closes a circle, the files of that circle in order. */
function circlesOf(files: readonly string[]): readonly string[] {
  const circles: string[] = [];
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    if (trail.includes(file)) {
      const circle = [...trail.slice(trail.indexOf(file)), file];
      circles.push(circle.map((each) => relative(root, each)).join(' -> '));
    }
    if (done.has(file)) return;
    done.add(file);
    for (const next of importsOf(file)) visit(next, [...trail, file]);
  };
  for (const file of files) visit(file, []);
  return circles;
}

describe('rooms', () => {
  for (const file of manifests) {
    const room = dirname(file);
    const manifest = readManifest(file);
    it(`${room} imports only what its package.json names`, () => {
      for (const source of globSync(`${room}/src/**/*.ts`, { cwd: root })) {
        const allowed = { ...manifest.dependencies, ...(isTest(source) ? manifest.devDependencies : {}) };
        for (const specifier of specifiersOf(join(root, source))) {
          if (specifier.startsWith('node:')) continue;
          if (specifier.startsWith('.')) {
            const target = relative(join(root, room), resolve(join(root, dirname(source)), specifier));
            assert.ok(!target.startsWith('..'), `${source} reaches into another room: ${specifier}`);
            continue;
          }
          const name = packageOf(specifier);
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
      '@coffer/audit': ['@coffer/core', '@coffer/http', '@coffer/store'],
      '@coffer/auth-approle': ['@coffer/core', '@coffer/http'],
      '@coffer/auth-jwt': ['@coffer/core', '@coffer/http'],
      '@coffer/auth-kubernetes': ['@coffer/core', '@coffer/http'],
      '@coffer/jwt-keys': ['@coffer/framework', '@coffer/core', '@coffer/http'],
      '@coffer/auth-cert': ['@coffer/core', '@coffer/http'],
      '@coffer/auth-token': ['@coffer/core', '@coffer/http'],
      '@coffer/auth-userpass': ['@coffer/core', '@coffer/http'],
      '@coffer/core': ['@coffer/http', 'pg'],
      '@coffer/http': ['@coffer/core', '@coffer/engine-database', '@coffer/engine-system'],
      '@coffer/cli': ['@coffer/core', '@coffer/store'],
      '@coffer/yb-connection': ['@coffer/database-plugin', '@coffer/store', '@coffer/metrics'],
      '@coffer/ysql': ['@coffer/core', '@coffer/store', '@coffer/http', '@coffer/metrics'],
      '@coffer/metrics': ['@coffer/framework', '@coffer/core', '@coffer/store', '@coffer/http'],
    };
    for (const { name, dependencies = {} } of manifests.map(readManifest)) {
      for (const other of forbidden[name] ?? []) assert.ok(!Object.hasOwn(dependencies, other), `${name} -> ${other}`);
    }
  });

  it('are of one version', () => {
    for (const file of ['package.json', ...manifests]) assert.equal(readManifest(file).version, VERSION, file);
  });
});

/** Insides of rooms that tests and scripts may look into, as what they hold is not to be had from outside. */
const OPEN_INSIDES: ReadonlySet<string> = new Set([
  'apps/coffer/src/commands.ts',
  'apps/coffer/src/compose.ts',
  'apps/coffer/src/dev-server.ts',
  'apps/coffer/src/config/server-config.ts',
  'apps/coffer/src/server.ts',
  // The keys in a dump of memory are told from noise by opening the store with them.
  'packages/core/src/seal/key-shares.ts',
  'packages/core/src/seal/seal-rows.ts',
  // What a move carries by name is held against what the server takes.
  'packages/cli/src/commands/migrate/carried-fields.ts',
  // What reference answers and random input are held against.
  'packages/engines/database/src/cron-schedule.ts',
  'packages/engines/database/src/rotation-time.ts',
  'packages/ysql/src/settings/settings.ts',
  'packages/ysql/src/settings/username.ts',
  'packages/ysql/src/sql/render.ts',
]);

describe('tests and scripts', () => {
  const files = globSync(['tests/**/*.ts', 'scripts/**/*.ts'], { cwd: root });
  const { dependencies = {}, devDependencies = {} } = readManifest('package.json');
  const rooms = new Set(manifests.map((file) => readManifest(file).name));

  it('import only rooms and what the package.json of the whole names', () => {
    for (const file of files) {
      for (const specifier of specifiersOf(join(root, file))) {
        if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
        const name = packageOf(specifier);
        if (rooms.has(name)) assert.equal(specifier, name, `${file} imports the inside of ${name}`);
        else assert.ok(Object.hasOwn({ ...dependencies, ...devDependencies }, name), `${file} imports ${specifier}`);
      }
    }
  });

  it('take rooms by their doors, but for a few', () => {
    for (const file of files) {
      for (const target of importsOf(join(root, file)).map((each) => relative(root, each))) {
        if (!/^(?:packages|apps)\//.test(target) || target.endsWith('/src/index.ts') || isTest(target)) continue;
        assert.ok(OPEN_INSIDES.has(target), `${file} imports ${target}`);
      }
    }
  });

  it('look into no inside that is listed in vain', () => {
    const targets = new Set(files.flatMap((file) => importsOf(join(root, file))).map((each) => relative(root, each)));
    assert.deepEqual(
      [...OPEN_INSIDES].filter((inside) => !targets.has(inside)),
      [],
    );
  });
});

describe('folders', () => {
  for (const [room, folders] of Object.entries(FOLDERS)) {
    const src = join(root, room, 'src');
    it(`of ${room} import only those before them: ${folders.join(', ')}`, () => {
      for (const source of globSync('*/**/*.ts', { cwd: src })) {
        const [own = ''] = source.split(sep);
        assert.ok(folders.includes(own), `${room}/src/${own} has no place in the order of the folders`);
        if (isTest(source)) continue;
        for (const target of importsOf(join(src, source))) {
          if (relative(src, target).startsWith('..')) continue;
          const allowed = folders.slice(0, folders.indexOf(own) + 1);
          const [folder = ''] = relative(src, target).split(sep);
          assert.ok(allowed.includes(folder), `${room}/src/${source} imports ${relative(src, target)}`);
        }
      }
    });
  }
});

describe('files', () => {
  it('do not import each other in a circle', () => {
    const files = globSync(['packages/**/*.ts', 'apps/**/*.ts', 'tests/**/*.ts', 'scripts/**/*.ts'], {
      cwd: root,
      exclude: (name) => name === 'node_modules' || name === 'dist',
    });
    assert.deepEqual(circlesOf(files.map((file) => join(root, file))), []);
  });
});

describe('dependencies', () => {
  for (const file of manifests) {
    it(`of ${dirname(file)} are all imported`, () => {
      const { dependencies = {}, devDependencies = {} } = readManifest(file);
      const sources = globSync(`${dirname(file)}/src/**/*.ts`, { cwd: root });
      const imported = (test: boolean): ReadonlySet<string> =>
        new Set(
          sources
            .filter((source) => test || !isTest(source))
            .flatMap((source) => [...specifiersOf(join(root, source)), ...resolvedBy(join(root, source))])
            .map(packageOf),
        );
      const [product, all] = [imported(false), imported(true)];
      for (const name of Object.keys(dependencies)) assert.ok(product.has(name), `${name} is imported by nothing`);
      for (const name of Object.keys(devDependencies)) assert.ok(all.has(name), `${name} is imported by no test`);
    });
  }

  it('of the whole are all imported by tests, scripts or configuration, or run as commands', () => {
    const { devDependencies = {} } = readManifest('package.json');
    const texts = globSync(['tests/**/*.{ts,mjs,cjs}', 'scripts/**/*.{ts,mjs}', 'packages/testkit/src/*.ts', '*.js'], {
      cwd: root,
    }).map((file) => readFileSync(join(root, file), 'utf8'));
    for (const name of Object.keys(devDependencies)) {
      const used = name.replace(/^@types\//, '');
      const uses = used === 'node' ? [`'node:`] : [`'${used}'`, `node_modules/${used}/`];
      assert.ok(
        uses.some((use) => texts.some((text) => text.includes(use))),
        `${name} is used by nothing`,
      );
    }
  });

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
