/** Makes programs of the examples in docs/clients.md, each with the libraries that it names, where these can be had. */
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  CACHE,
  type ForeignProgram,
  HVAC,
  installed,
  type Missing,
  NO_NETWORK,
  run,
  temporaryDirectory,
} from './foreign-programs.ts';

/** Where the versions of the libraries are written down. */
const PINS = join(import.meta.dirname, 'examples');
const SPRING = join(import.meta.dirname, 'spring');
const PSYCOPG = 'psycopg==3.3.9';
const PSYCOPG_POOL = 'psycopg-pool==3.3.3';
const MAVEN_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** What each kind of block on the page is made into. */
export const EXAMPLE_PROGRAMS: Readonly<Record<string, (code: string) => Promise<ForeignProgram | Missing>>> = {
  js: javaScript,
  python,
  go,
  java,
};

/** `node-vault` and `pg` are found from below `node_modules`. */
async function javaScript(code: string): Promise<ForeignProgram> {
  return { command: [process.execPath, await written(temporaryDirectory(CACHE), 'shop.mjs', code)] };
}

async function python(code: string): Promise<ForeignProgram | Missing> {
  const what = [HVAC, PSYCOPG.replace('==', '[binary]=='), PSYCOPG_POOL];
  const packages = await installed(PSYCOPG, what);
  if (typeof packages !== 'string') return packages;
  const start = 'import runpy, sys; sys.path.insert(0, sys.argv[1]); runpy.run_path(sys.argv[2])';
  return { command: ['python3', '-c', start, packages, await written(temporaryDirectory(), 'shop.py', code)] };
}

async function go(code: string): Promise<ForeignProgram | Missing> {
  if ((await run('go', ['version'])).status !== 0) return { missing: 'go is not on PATH: its example is skipped' };
  const directory = temporaryDirectory();
  await written(directory, 'main.go', code);
  for (const file of ['go.mod', 'go.sum']) await copyFile(join(PINS, file), join(directory, file));
  const program = join(directory, 'shop');
  const built = await run('go', ['build', '-o', program, '.'], directory);
  if (built.status !== 0) {
    if (!NO_NETWORK.test(built.output)) throw new Error(`go build failed:\n${built.output}`);
    return { missing: 'pgx cannot be downloaded: the example in Go is skipped' };
  }
  return { command: [program] };
}

async function java(code: string): Promise<ForeignProgram | Missing> {
  const directory = temporaryDirectory();
  return javaProgram(directory, await written(directory, 'Shop.java', code), PINS, 'Shop');
}

/** A Spring application that has this `application.yml`. */
export async function spring(configuration: string): Promise<ForeignProgram | Missing> {
  const directory = temporaryDirectory();
  await written(directory, 'application.yml', configuration);
  return javaProgram(directory, join(SPRING, 'Application.java'), SPRING, 'shop.Application');
}

/** @param pins the folder with the pom.xml of its libraries, and their checksums */
async function javaProgram(
  directory: string,
  source: string,
  pins: string,
  main: string,
): Promise<ForeignProgram | Missing> {
  for (const tool of ['java', 'javac', 'mvn']) {
    if ((await run(tool, ['-version'])).status !== 0)
      return { missing: `${tool} is not on PATH: the examples for Java are skipped` };
  }
  const jars = await javaLibraries(pins);
  if (typeof jars !== 'string') return jars;
  const compiled = await run('javac', [
    '-Xlint:all,-processing,-classfile',
    '-cp',
    `${jars}/*`,
    '-d',
    directory,
    source,
  ]);
  if (compiled.status !== 0) throw new Error(`javac failed:\n${compiled.output}`);
  return { command: ['java', '-cp', `${directory}:${jars}/*`, main] };
}

/** The folder of the libraries in `pins`, which are those whose checksums are written down. */
async function javaLibraries(pins: string): Promise<string | Missing> {
  const sums = await readFile(join(pins, 'jars.sha256'), 'utf8');
  const jars = join(CACHE, `jars-${createHash('sha256').update(sums).digest('hex').slice(0, 16)}`);
  if (existsSync(jars)) return jars;
  const draft = `${jars}.${process.pid}`;
  const options = ['-q', '-B', '-f', join(pins, 'pom.xml'), MAVEN_DEPENDENCIES];
  const copied = await run('mvn', [...options, '-DincludeScope=runtime', `-DoutputDirectory=${draft}`]);
  if (copied.status !== 0) {
    if (!NO_NETWORK.test(copied.output)) throw new Error(`mvn failed:\n${copied.output}`);
    return { missing: 'the libraries for Java cannot be downloaded: the examples for Java are skipped' };
  }
  const found = await Promise.all(
    (await readdir(draft)).sort().map(async (name) => {
      const sum = createHash('sha256').update(await readFile(join(draft, name)));
      return `${sum.digest('hex')}  ${name}\n`;
    }),
  );
  if (found.join('') !== sums) throw new Error(`not the libraries of jars.sha256:\n${found.join('')}`);
  await rename(draft, jars);
  return jars;
}

async function written(directory: string, name: string, text: string): Promise<string> {
  await writeFile(join(directory, name), text);
  return join(directory, name);
}
