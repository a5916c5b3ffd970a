import { globSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { Runtime } from './runtime.ts';

const root = resolve(import.meta.dirname, '..', '..');
const RULE = `${'='.repeat(100)}\n`;

/** Places in package-lock.json of the packages that are in a bundle, in order. */
export function bundledPackages(sources: readonly string[]): readonly string[] {
  const places = sources.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0] ?? []);
  return [...new Set(places)].sort();
}

/** The licences and notices of everything in a product that others wrote, in their own words. `sources` are the files it is made of. */
export async function thirdPartyLicenses(sources: readonly string[], runtime?: Runtime): Promise<string> {
  const ofPackages = bundledPackages(sources).map(async (place) => {
    const { name, version, texts } = await licenseOf(place, sources);
    return section(`${name} ${version}`, texts);
  });
  const node = runtime && section('Node.js, the runtime', await licenseFiles(runtime.directory));
  const head =
    'What others wrote and what is in these files, with its licences. What is Coffer’s own is under the Apache\n' +
    'License 2.0: see LICENSE.\n';
  return [head, ...(node === undefined ? [] : [node]), ...(await Promise.all(ofPackages))].join(`\n${RULE}`);
}

/** By preference: its files, its README.md, what its sources begin with. @throws Error for a package that says nothing */
async function licenseOf(place: string, sources: readonly string[]): Promise<PackageDescription & { texts: string[] }> {
  const directory = join(root, place);
  const description = JSON.parse(await readFile(join(directory, 'package.json'), 'utf8')) as PackageDescription;
  const files = await licenseFiles(directory);
  if (files.length > 0) return { ...description, texts: files };
  const own = await readmeSection(directory);
  const notices = own === '' ? await sourceNotices(sources.filter((file) => file.startsWith(`${place}/`))) : [own];
  const { license } = description;
  if (license === undefined || notices.length === 0) {
    throw new Error(`${basename(place)} says nowhere under which licence it is, and whose it is`);
  }
  return { ...description, texts: [`License: ${license}\n`, ...notices] };
}

function licenseFiles(directory: string): Promise<string[]> {
  const files = globSync('{LICENSE,LICENCE,COPYING,NOTICE,license,licence,notice}{,.*,-*}', { cwd: directory }).sort();
  return Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
}

/** What stands under a heading such as "License", when it is the text and not only a name. */
async function readmeSection(directory: string): Promise<string> {
  const readme = await readFile(join(directory, 'README.md'), 'utf8').catch(() => '');
  const [, text = ''] = /^#+ *licen[cs]e *\n([^]*?)(?=^#|(?![^]))/im.exec(readme) ?? [];
  return text.includes('Copyright') ? text.trim() : '';
}

/** The notices that the files begin with, each once, without the marks of a comment. */
async function sourceNotices(files: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(files.map((file) => readFile(join(root, file), 'utf8')));
  const heads = texts.map((text) => /^(?:\/\/.*\n)+|^\/\*[^]*?\*\//.exec(text)?.[0] ?? '');
  const plain = heads
    .filter((head) => head.includes('Copyright'))
    .map((head) => head.replace(/^ ?(?:\/\/|\*) ?/gm, ''));
  return [...new Set(plain)].sort();
}

interface PackageDescription {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
}

function section(title: string, texts: readonly string[]): string {
  return `${title}\n\n${texts.map((text) => `${text.trimEnd()}\n`).join('\n')}`;
}
