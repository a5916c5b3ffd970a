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

/** The licences and notices of everything in a product that others wrote, in their own words. */
export async function thirdPartyLicenses(packages: readonly string[], runtime?: Runtime): Promise<string> {
  const parts = await Promise.all(packages.map((place) => licenseOf(place, join(root, place))));
  const node = runtime && (await licenseOf(runtime.lockPath, runtime.directory, 'Node.js, the runtime'));
  const head =
    'What others wrote and what is in these files, with its licences. What is Coffer’s own is under the Apache\n' +
    'License 2.0: see LICENSE.\n';
  return [head, ...(node === undefined ? [] : [node]), ...parts].join(`\n${RULE}`);
}

/** @throws Error for a package that says nothing */
async function licenseOf(place: string, directory: string, title?: string): Promise<string> {
  const files = globSync('{LICENSE,LICENCE,COPYING,NOTICE,license,licence,notice}{,.*,-*}', { cwd: directory }).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(directory, file), 'utf8')));
  if (title !== undefined) return section(title, texts);
  const { name, version, license, author } = JSON.parse(
    await readFile(join(directory, 'package.json'), 'utf8'),
  ) as PackageDescription;
  if (texts.length === 0) {
    if (license === undefined) throw new Error(`${basename(place)} says nowhere under which licence it is`);
    const by = typeof author === 'string' ? author : author?.name;
    texts.push(`License: ${license}\n${by === undefined ? '' : `Author: ${by}\n`}The package has no text of it.\n`);
  }
  return section(`${name} ${version}`, texts);
}

interface PackageDescription {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly author?: string | { readonly name: string };
}

function section(title: string, texts: readonly string[]): string {
  return `${title}\n\n${texts.map((text) => `${text.trimEnd()}\n`).join('\n')}`;
}
