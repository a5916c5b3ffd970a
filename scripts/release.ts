/**
 * `npm run release`: what a user takes home, in `dist/release/`. For Linux on x64 and arm64 an archive of the server and one of the
 * plugin, each with its licences and documentation and an SBOM beside it; both as packages for npm; and SHA256SUMS over all of these.
 * The same sources give the same bytes. `--into=DIRECTORY` in place of `dist/release`; an earlier release there is replaced.
 * `--processor=x64` makes the archives for one only.
 */
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { errorText, VERSION } from '@coffer/base';
import { type Bundle, bundleCoffer, bundlePlugin } from './build/bundle.ts';
import { makeExecutable, SERVER_FLAGS } from './build/executable.ts';
import { asScript, COFFER_SCRIPT, PLUGIN_SCRIPT } from './build/script.ts';
import { type ArchiveFiles, deploySamples, sumLines, userDocs, writeArchive } from './release/archive.ts';
import { packForNpm } from './release/npm-package.ts';
import { npmReadme } from './release/npm-readme.ts';
import { type ReleaseOptions, readOptions } from './release/options.ts';
import { prepareOutput, replaceRelease } from './release/output.ts';
import { type Processor, type Runtime, runtimeFor } from './release/runtime.ts';
import { lockedSoftware, productSbom } from './release/sbom.ts';
import { bundledPackages, thirdPartyLicenses } from './release/third-party.ts';
import { uncommitted } from './release/uncommitted.ts';

const root = resolve(import.meta.dirname, '..');
/** As Go, and so HashiCorp's archives, call them. */
const PROCESSOR_NAMES: Readonly<Record<Processor, string>> = { x64: 'amd64', arm64: 'arm64' };
/** What an SBOM says of its own age: nothing, so that it is the same whenever it is made. */
const SBOM_TIME = new Date('2026-01-01T00:00:00Z');

interface Product {
  readonly name: 'coffer' | 'ysql-plugin';
  readonly bundle: Bundle;
  readonly script: string;
  readonly execArgv: readonly string[];
  readonly lowestNode: number;
  readonly description: string;
  readonly isForUsers: (page: string) => boolean;
  /** Besides binary, licences and pages. */
  readonly extra: ArchiveFiles;
}

async function products(): Promise<readonly Product[]> {
  const [coffer, plugin, samples] = await Promise.all([bundleCoffer(), bundlePlugin(), deploySamples()]);
  const pluginScript = asScript(plugin.script, PLUGIN_SCRIPT);
  return [
    {
      name: 'coffer',
      bundle: coffer,
      script: asScript(coffer.script, COFFER_SCRIPT),
      execArgv: SERVER_FLAGS,
      lowestNode: COFFER_SCRIPT.lowestNode,
      description:
        'A secrets server and command line that speak HashiCorp Vault’s HTTP API, for short-lived YugabyteDB logins',
      isForUsers: () => true,
      extra: samples,
    },
    {
      name: 'ysql-plugin',
      bundle: plugin,
      script: pluginScript,
      execArgv: [],
      lowestNode: PLUGIN_SCRIPT.lowestNode,
      description: 'The database secrets plugin for YugabyteDB (YSQL) of HashiCorp Vault, OpenBao and Coffer',
      isForUsers: (page) => /^(?:CHANGELOG\.md|docs\/plugin\.md|docs\/database\/.*)$/.test(page),
      extra: new Map([
        ['ysql-plugin.cjs', Buffer.from(pluginScript)],
        ...[...samples].filter(([name]) => /\/(?:vault|openbao)\.Dockerfile$/.test(name)),
      ]),
    },
  ];
}

async function archive(product: Product, processor: Processor, runtime: Runtime, places: Places): Promise<void> {
  const { name, bundle, execArgv, isForUsers, extra } = product;
  const scratch = await mkdtemp(join(places.scratch, `${name}-`));
  await makeExecutable(name, bundle.script, {
    into: places.scratch,
    scratch,
    execArgv,
    runtime: join(runtime.directory, 'bin', 'node'),
  });
  const packages = bundledPackages(bundle.sources);
  const contents = [...packages, runtime.lockPath];
  const sbom = productSbom(await lockedSoftware(), { product: name, version: VERSION, contents, time: SBOM_TIME });
  const files = new Map([
    [name, await readFile(join(places.scratch, name))],
    ['LICENSE', await readFile(join(root, 'LICENSE'))],
    ['THIRD-PARTY-LICENSES.txt', Buffer.from(await thirdPartyLicenses(bundle.sources, runtime))],
    ...(await userDocs(isForUsers, extra.keys())),
    ...extra,
  ]);
  const title = `${name}_${VERSION}_linux_${PROCESSOR_NAMES[processor]}`;
  await writeFile(join(places.into, `${title}.spdx.json`), sbom);
  await writeArchive(join(places.into, `${title}.zip`), files);
}

async function npmPackage({ name, bundle, script, lowestNode, description }: Product, places: Places): Promise<void> {
  const texts = new Map([
    ['README.md', npmReadme(name, lowestNode)],
    ['LICENSE', await readFile(join(root, 'LICENSE'), 'utf8')],
    ['THIRD-PARTY-LICENSES.txt', await thirdPartyLicenses(bundle.sources)],
  ]);
  await packForNpm(places.into, places.scratch, { name, version: VERSION, description, script, lowestNode, texts });
}

interface Places {
  readonly into: string;
  readonly scratch: string;
}

async function release({ into, processors }: ReleaseOptions): Promise<void> {
  await prepareOutput(into);
  // Of the same file system, and out of the way of a server whose plugin directory dist/ is.
  const scratch = await mkdtemp(join(into, '.release-'));
  try {
    const places = { into: join(scratch, 'made'), scratch };
    await mkdir(places.into);
    const made = await products();
    for (const processor of processors) {
      const runtime = await runtimeFor(processor, scratch);
      for (const product of made) await archive(product, processor, runtime, places);
    }
    for (const product of made) await npmPackage(product, places);
    const names = (await readdir(places.into)).sort();
    const files = names.map(async (name) => [name, await readFile(join(places.into, name))] as const);
    const sums = sumLines(await Promise.all(files));
    await writeFile(join(places.into, 'SHA256SUMS'), sums);
    await replaceRelease(into, places.into);
    console.log(`${into}:\n${sums}`);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

// npm's packages have the permissions of the files that they are made of.
process.umask(0o022);
try {
  const options = readOptions(process.argv.slice(2), join(root, 'dist', 'release'));
  const changed = await uncommitted(root);
  if (changed.length > 0) console.error(`Warning: not committed, and yet in this release:\n${changed.join('\n')}`);
  await release(options);
} catch (error) {
  console.error(errorText(error));
  process.exitCode = 1;
}
