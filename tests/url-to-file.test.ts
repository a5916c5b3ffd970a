/** A reader who knows a URL knows the file: the rule of CONTRIBUTING.md, held against the tables that the server runs on. */
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { Core } from '@coffer/core';
import type { Path } from '@coffer/framework';
import ts from 'typescript';
import { openEveryEngine } from './every-engine.ts';

const root = resolve(import.meta.dirname, '..');
/** Where each engine and method is mounted by {@link openEveryEngine}. */
const ROOMS: Readonly<Record<string, string>> = {
  'packages/engines/system': 'sys/',
  'packages/engines/cubbyhole': 'cubbyhole/',
  'packages/engines/database': 'database/',
  'packages/engines/identity': 'identity/',
  'packages/auth/approle': 'auth/approle/',
  'packages/auth/jwt': 'auth/jwt/',
  'packages/auth/kubernetes': 'auth/kubernetes/',
  'packages/auth/token': 'auth/token/',
  'packages/auth/cert': 'auth/cert/',
  'packages/auth/userpass': 'auth/userpass/',
};

/** `mounts/:path*\/tune` → `mounts`, `tune`; `any` for one that has nothing but names. */
function wordsOf(pattern: string): readonly string[] {
  const words = pattern
    .split('/')
    .filter((segment) => segment !== '' && !segment.startsWith(':'))
    .flatMap((segment) => segment.split('-'));
  return words.length === 0 ? ['any'] : words;
}

/** `path-mounts-tune.ts` → `mounts`, `tune`. */
function fileWords(file: string): readonly string[] {
  return basename(file, '.ts').split('-').slice(1);
}

function startsWith(words: readonly string[], beginning: readonly string[]): boolean {
  return beginning.every((word, index) => words[index] === word);
}

/** The file that the rule names for a path. */
function fileOf(pattern: string, files: readonly string[]): string | undefined {
  const words = wordsOf(pattern);
  return files
    .filter((file) => startsWith(words, fileWords(file)))
    .toSorted((a, b) => fileWords(b).length - fileWords(a).length)[0];
}

/** What several lists of words begin with. */
function commonBeginning(lists: readonly (readonly string[])[]): readonly string[] {
  const [first = [], ...rest] = lists;
  const end = first.findIndex((word, index) => rest.some((words) => words[index] !== word));
  return end === -1 ? first : first.slice(0, end);
}

/** Stands for whatever the paths of a file are made from: it may be called, read and taken apart, and makes nothing happen. */
const anything: unknown = new Proxy(() => undefined, {
  get: (_, key) => (key === Symbol.toPrimitive ? () => '' : anything),
  apply: () => anything,
});

type PathsOf = (...parts: readonly unknown[]) => readonly Path[];

/** What a path file exports when it runs. */
async function exportsOf(file: string): Promise<Readonly<Record<string, PathsOf>>> {
  return (await import(pathToFileURL(join(root, file)).href)) as Record<string, PathsOf>;
}

/** `path-mounts-tune.ts` → `mountsTunePaths`. */
function functionOf(file: string): string {
  const [first = '', ...rest] = fileWords(file);
  return `${first}${rest.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('')}Paths`;
}

async function patternsOf(file: string): Promise<readonly string[]> {
  const make = (await exportsOf(file))[functionOf(file)];
  assert.ok(make !== undefined, `${file} exports ${functionOf(file)}`);
  return make(anything, anything, anything).map(({ pattern }) => pattern);
}

describe('a URL', () => {
  let core: Core;
  let close: () => Promise<void>;
  before(async () => {
    ({ core, close } = await openEveryEngine());
  });
  after(() => close());

  it('finds every engine and method that is mounted', () => {
    const mounts = core.services.mounts;
    const mounted = [...mounts.list(false), ...mounts.list(true)].map(({ path }) => path);
    assert.deepEqual(mounted.toSorted(), Object.values(ROOMS).toSorted());
    const rooms = new Set(globSync('packages/**/src/path-*.ts', { cwd: root }).map((file) => dirname(dirname(file))));
    assert.deepEqual([...rooms].toSorted(), Object.keys(ROOMS).toSorted());
  });

  for (const [room, mount] of Object.entries(ROOMS)) {
    const files = globSync(`${room}/src/path-*.ts`, { cwd: root }).filter((file) => !file.endsWith('.test.ts'));

    it(`below ${mount} names its file`, async () => {
      const served = core.services.mounts.route(mount)?.engine.paths.map(({ pattern }) => pattern) ?? [];
      const made = (await Promise.all(files.map(patternsOf))).flat();
      assert.deepEqual(made.toSorted(), served.toSorted(), 'every path is made by a path file');
      for (const file of files) {
        for (const pattern of await patternsOf(file)) {
          assert.equal(fileOf(pattern, files), file, `${mount}${pattern} is looked for elsewhere than in ${file}`);
        }
      }
    });

    it(`below ${mount} has a file that is named for all that its paths share`, async () => {
      for (const file of files) {
        const words = commonBeginning((await patternsOf(file)).map(wordsOf));
        assert.equal(basename(file), `path-${words.join('-')}.ts`);
      }
    });

    it(`below ${mount} has a file that is nobody's library`, async () => {
      for (const file of files) assert.deepEqual(Object.keys(await exportsOf(file)), [functionOf(file)], file);
      for (const source of globSync(`${room}/src/**/*.ts`, { cwd: root })) {
        if (basename(source) === 'index.ts') continue;
        const { importedFiles } = ts.preProcessFile(readFileSync(join(root, source), 'utf8'));
        const taken = importedFiles.filter(({ fileName }) => basename(fileName).startsWith('path-'));
        assert.deepEqual(taken, [], `${source} imports a path file`);
      }
    });
  }
});
