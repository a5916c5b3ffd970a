/** Runs every command of the pages below against a server of their own, and compares what the pages say they print. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, it } from 'node:test';
import { databaseUnderTest, type TestDatabase } from '@coffer/testkit';
import { COFFER, type CommandResult, cleanEnvironment, DIST, ended, startServer } from './coffer-process.ts';
import { normalizeText } from './golden/normalize.ts';

const root = resolve(import.meta.dirname, '..');
const CONNECTION = `vault secrets enable database
vault write database/config/yugabytedb plugin_name=ysql-plugin allowed_roles='*' host=127.0.0.1 port=5433 \\
    username=yugabyte password=yugabyte db=yugabyte`;
/** With what a reader of the page has done before: SQL as a superuser, then commands. */
const PAGES: Readonly<Record<string, { readonly sql?: readonly string[]; readonly commands?: string }>> = {
  'getting-started.md': {},
  'plugin.md': {},
  'database/statements.md': {
    sql: [
      'CREATE SCHEMA IF NOT EXISTS app',
      'DO $$ BEGIN CREATE ROLE app_readers; EXCEPTION WHEN duplicate_object THEN NULL; END $$',
    ],
    commands: CONNECTION,
  },
  'database/username-template.md': { commands: CONNECTION },
  'database/revocation.md': {
    commands: `${CONNECTION}
vault write database/roles/app db_name=yugabytedb creation_statements="CREATE ROLE \\"{{name}}\\" LOGIN PASSWORD '{{password}}'"
LEASE=$(vault read -field=lease_id database/creds/app)`,
  },
};

interface Block {
  /** What stands behind the fence: `sh`, `sh server`, `text`, ... */
  readonly kind: string;
  readonly text: string;
}

function blocksOf(page: string): Block[] {
  const content = readFileSync(join(root, 'docs', page), 'utf8');
  return [...content.matchAll(/^```(\w[^\n]*)\n([\s\S]*?)^```$/gm)].map(([, kind = '', code = '']) => ({
    kind,
    text: code,
  }));
}

/** Commands for the shell; the server is started by the test, and the build is there already. */
function isRun({ kind, text: code }: Block): boolean {
  return kind.split(' ')[0] === 'sh' && kind !== 'sh server' && !code.startsWith('npm run build');
}

describe('commands in the documentation', () => {
  it('start the server as these tests do', () => {
    const [command] = blocksOf('getting-started.md').filter(({ kind }) => kind === 'sh server');
    assert.equal(command?.text.trim(), 'vault server -dev -dev-root-token-id=root -dev-plugin-dir="$PWD/dist"');
  });

  for (const [page, { sql = [], commands = '' }] of Object.entries(PAGES)) {
    it(`${page}: print what the page says`, async () => {
      const database = await databaseUnderTest();
      const server = await startServer([`-dev-plugin-dir=${DIST}`]);
      try {
        for (const statement of sql) await database.query(statement);
        await runPage(page, commands, database, server.address);
      } finally {
        await server.stop();
        await database.stop();
      }
    });
  }
});

async function runPage(page: string, before: string, database: TestDatabase, address: string): Promise<void> {
  const blocks = blocksOf(page);
  const commands = blocks.filter(isRun);
  const translate = (code: string): string =>
    code
      .replaceAll('http://127.0.0.1:8200', address)
      .replaceAll('port=5433', `port=${database.port}`)
      .replaceAll('localhost:5433', `localhost:${database.port}`);
  const script = commands.map(({ text: code }, index) => `echo "@@ ${index}"\n${translate(code)}`).join('\n');
  const setUp = `set -eu\nexport VAULT_ADDR=${address} VAULT_TOKEN=root\nvault() { "${COFFER}" "$@"; }\n`;
  const { stdout, stderr, exit } = await shell(`${setUp}${translate(before)}\n${script}`);
  assert.equal(exit, 0, `${stderr}\n${stdout}`);
  const printed = stdout.split(/^@@ \d+\n/m).slice(1);
  for (const [index, block] of commands.entries()) {
    const next = blocks[blocks.indexOf(block) + 1];
    if (next?.kind === 'text') assert.equal(normalizeText(printed[index] ?? ''), normalizeText(next.text));
  }
}

async function shell(script: string): Promise<CommandResult> {
  const child = spawn('bash', ['-c', script], {
    cwd: root,
    env: cleanEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, exit] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  return { stdout, stderr, exit };
}
