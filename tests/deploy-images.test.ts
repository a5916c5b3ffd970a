/** deploy/docker: no image is built where tests run, so what the files say is looked at, and whether all that they name is there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, it } from 'node:test';
import { coffer } from './coffer-process.ts';
import { executedBlocks } from './documentation.ts';

const ROOT = resolve(import.meta.dirname, '..');

interface Instruction {
  readonly keyword: string;
  readonly rest: string;
}

/** The instructions of a Dockerfile (docker/docs, Dockerfile reference), with continued lines put together. */
function instructionsOf(file: string): readonly Instruction[] {
  const text = readFileSync(join(ROOT, 'deploy/docker', file), 'utf8');
  const lines = text
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
    .split('\n');
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const [, keyword = '', rest = ''] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
      assert.ok(
        ['FROM', 'RUN', 'COPY', 'USER', 'VOLUME', 'EXPOSE', 'ENV', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD'].includes(
          keyword,
        ),
        line,
      );
      return { keyword, rest };
    });
}

const IMAGES = [
  {
    file: 'Dockerfile',
    from: /^debian:\d+\.\d+-slim$/,
    user: '1000:1000',
    copies: ['coffer', 'LICENSE', 'THIRD-PARTY-LICENSES.txt'],
  },
  // As root, as the image itself: its entrypoint calls setcap, ends where that fails, and then runs Vault as the user vault
  // (hashicorp/vault:.release/docker/docker-entrypoint.sh; from Vault 2.0.1 on it does not).
  {
    file: 'vault.Dockerfile',
    from: /^hashicorp\/vault:1\.\d+\.\d+$/,
    user: undefined,
    copies: ['ysql-plugin.cjs'],
  },
  {
    file: 'openbao.Dockerfile',
    from: /^openbao\/openbao:\d+\.\d+\.\d+$/,
    user: 'openbao',
    copies: ['ysql-plugin.cjs'],
  },
];

for (const { file, from, user, copies } of IMAGES) {
  describe(`deploy/docker/${file}`, () => {
    const instructions = instructionsOf(file);
    const all = (wanted: string): readonly string[] =>
      instructions.filter(({ keyword }) => keyword === wanted).map(({ rest }) => rest);

    it('starts from one version of one image, and as its user', () => {
      assert.equal(instructions[0]?.keyword, 'FROM');
      assert.equal(all('FROM').length, 1);
      assert.match(all('FROM')[0] ?? '', from);
      assert.equal(all('USER').at(-1), user);
    });

    it('copies what is in the archive', () => {
      const sources = all('COPY').flatMap((rest) => rest.split(' ').slice(0, -1));
      assert.deepEqual(sources, copies);
    });

    it('runs commands that a shell reads', () => {
      for (const command of all('RUN')) assert.equal(spawnSync('sh', ['-n', '-c', command]).status, 0, command);
    });
  });
}

describe('the image of Vault', () => {
  it('is what docs/plugin.md shows', () => {
    const [{ kind, text } = assert.fail('no block')] = executedBlocks('docs/plugin.md', import.meta.filename);
    const file = readFileSync(join(ROOT, kind.split(' ')[1] ?? ''), 'utf8');
    assert.equal(text, file.slice(file.indexOf('FROM ')));
  });
});

describe('the image of the server', () => {
  const instructions = instructionsOf('Dockerfile');
  const words = (wanted: string): readonly string[] => {
    const rest = instructions.find(({ keyword }) => keyword === wanted)?.rest ?? '';
    return JSON.parse(/\[.*\]$/.exec(rest)?.[0] ?? '[]') as string[];
  };

  it('runs commands of the program that it copies', async () => {
    assert.deepEqual(words('ENTRYPOINT'), ['/usr/local/bin/coffer']);
    const [program, ...status] = words('HEALTHCHECK');
    assert.equal(program, '/usr/local/bin/coffer');
    // A server that nobody started: 1, and not the usage of a command that there is not.
    assert.equal((await coffer(status, { env: { VAULT_ADDR: 'http://127.0.0.1:1', VAULT_MAX_RETRIES: '0' } })).exit, 1);
    const [command = '', config = ''] = words('CMD');
    const { stderr } = await coffer([command, config]);
    assert.match(stderr, /\/etc\/coffer\/coffer\.hcl/);
  });

  it('has the port, the paths and the variables of the other samples', () => {
    const unit = readFileSync(join(ROOT, 'deploy/coffer.service'), 'utf8');
    assert.ok(unit.includes(`${words('ENTRYPOINT').join(' ')} ${words('CMD').join(' ')}`));
    const sample = readFileSync(join(ROOT, 'deploy/coffer.hcl'), 'utf8');
    const port = instructions.find(({ keyword }) => keyword === 'EXPOSE')?.rest ?? '';
    assert.ok(sample.includes(`0.0.0.0:${port}`));
    const variables = instructions.find(({ keyword }) => keyword === 'ENV')?.rest ?? '';
    assert.equal(variables, `VAULT_ADDR=https://127.0.0.1:${port} VAULT_CACERT=/etc/coffer/tls/ca.pem`);
  });
});
