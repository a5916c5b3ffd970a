/** The code blocks of the documentation, and which test executes each of them. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '..');

export interface Block {
  /** From the root of the repository: `docs/auth.md`. */
  readonly page: string;
  /** What stands behind the fence: `sh`, `sh server`, `text`, ... */
  readonly kind: string;
  readonly text: string;
}

interface Executor {
  readonly page: string;
  /** The test that executes every block for which `takes` holds, as {@link executedBlocks} gives them to it. */
  readonly test: string;
  readonly takes: (block: Block) => boolean;
}

const isShell = ({ kind }: Block): boolean => kind.split(' ')[0] === 'sh';
const isDocker = (text: string): boolean => /^docker /m.test(text);
const isSql = ({ kind }: Block): boolean => kind.split(' ')[0] === 'sql';
const isTemplate = (block: Block): boolean => isSql(block) && block.text.includes('{{');

export const EXECUTORS: readonly Executor[] = [
  {
    page: 'docs/getting-started.md',
    test: 'docs-commands.test.ts',
    takes: (block) => block.kind === 'sh' && !block.text.startsWith('npm run build'),
  },
  { page: 'docs/moving.md', test: 'migrate/page.test.ts', takes: isShell },
  { page: 'docs/plugin.md', test: 'docs-commands.test.ts', takes: isShell },
  { page: 'docs/plugin.md', test: 'deploy-images.test.ts', takes: ({ kind }) => kind.startsWith('dockerfile ') },
  { page: 'docs/install.md', test: 'release.test.ts', takes: ({ kind }) => /^sh (release|npm)$/.test(kind) },
  { page: 'docs/audit.md', test: 'audit/page.test.ts', takes: (block) => isShell(block) || block.kind === 'hcl' },
  { page: 'docs/cli.md', test: 'cli-docs.test.ts', takes: isShell },
  { page: 'docs/logs.md', test: 'docs-commands.test.ts', takes: isShell },
  { page: 'docs/backup.md', test: 'docs-commands.test.ts', takes: isShell },
  { page: 'docs/backup.md', test: 'backup/migrate.test.ts', takes: ({ kind }) => kind === 'hcl' },
  { page: 'docs/auth.md', test: 'auth/page.test.ts', takes: ({ kind }) => kind === 'sh' },
  { page: 'docs/auth.md', test: 'auth/cert.test.ts', takes: ({ kind }) => kind === 'sh certificates' },
  { page: 'docs/listeners.md', test: 'listeners.test.ts', takes: (block) => isShell(block) || block.kind === 'hcl' },
  { page: 'docs/observability.md', test: 'metrics/deploy.test.ts', takes: ({ kind }) => kind === 'hcl' },
  { page: 'docs/observability.md', test: 'metrics/metrics.test.ts', takes: isShell },
  { page: 'docs/identity.md', test: 'auth/identity-page.test.ts', takes: isShell },
  {
    page: 'docs/production.md',
    test: 'production-docs.test.ts',
    takes: ({ kind, text }) => kind === 'sh' && !isDocker(text),
  },
  {
    page: 'docs/production.md',
    test: 'three-nodes-docs.test.ts',
    takes: ({ kind }) => /^sh (nodes|compose|backup)$/.test(kind),
  },
  { page: 'docs/production.md', test: 'deploy-samples.test.ts', takes: ({ kind }) => kind.includes(' deploy/') },
  {
    page: 'docs/production.md',
    test: '../apps/coffer/src/config/server-config.test.ts',
    takes: ({ kind }) => kind === 'hcl',
  },
  {
    page: 'docs/clients.md',
    test: 'client-examples.test.ts',
    takes: ({ kind }) => /^(sh|js|python|go|java|hcl agent|yaml spring|yaml external-secrets)$/.test(kind),
  },
  { page: 'docs/clients.md', test: 'terraform/provider.test.ts', takes: ({ kind }) => kind === 'hcl terraform' },
  { page: 'docs/seals.md', test: 'transit-seal.test.ts', takes: ({ kind }) => kind === 'sh' },
  {
    page: 'docs/seals.md',
    test: '../apps/coffer/src/config/server-config.test.ts',
    takes: ({ kind }) => kind === 'hcl',
  },
  { page: 'docs/database/admin-user.md', test: 'least-privilege.test.ts', takes: isSql },
  { page: 'docs/database/admin-user.md', test: 'docs-in-order.test.ts', takes: isShell },
  { page: 'docs/database/statements.md', test: 'statement-counts.test.ts', takes: isTemplate },
  {
    page: 'docs/database/statements.md',
    test: 'database-docs.test.ts',
    takes: (block) => isShell(block) || (isSql(block) && !isTemplate(block)),
  },
  {
    page: 'docs/database/statements.md',
    test: 'statements-that-do-nothing.test.ts',
    takes: ({ kind }) => kind === 'text',
  },
  { page: 'docs/database/username-template.md', test: 'database-docs.test.ts', takes: isShell },
  { page: 'docs/database/revocation.md', test: 'database-docs.test.ts', takes: isShell },
  ...['static-roles', 'root-rotation'].map((page) => ({
    page: `docs/database/${page}.md`,
    test: 'docs-in-order.test.ts',
    takes: (block: Block) => isShell(block) || isSql(block),
  })),
];

/** What no test executes, by its first line, and why that is right. */
export const NOT_EXECUTED: readonly { readonly page: string; readonly firstLine: string; readonly why: string }[] = [
  {
    page: 'docs/getting-started.md',
    firstLine: 'npm run build',
    why: 'the tests run what it has built',
  },
  {
    page: 'docs/getting-started.md',
    firstLine: 'npm start -- --database-only',
    why: 'start.test.ts runs the script behind it, and compares the login that it prints with what the page writes',
  },
  {
    page: 'docs/getting-started.md',
    firstLine: 'vault server -dev -dev-root-token-id=root -dev-plugin-dir="$PWD/dist"',
    why: 'the test starts the server by the same flags on a free port, and compares',
  },
  {
    page: 'docs/production.md',
    firstLine: 'export OWNER=$(id -u):$(id -g) YUGABYTE_VERSION=...',
    why: 'no Docker where tests run; deploy-samples.test.ts reads the files, three-nodes-docs.test.ts makes what they mount',
  },
  {
    page: 'docs/install.md',
    firstLine: 'docker build -f deploy/docker/Dockerfile -t coffer:0.1.0 .',
    why: 'no Docker where tests run; deploy-images.test.ts reads the files',
  },
  {
    page: 'docs/install.md',
    firstLine: '(umask 077 && openssl rand -hex 32 >unseal.key)',
    why: 'no cluster where tests run; kubernetes.test.ts reads the manifest and starts a server with its configuration',
  },
  {
    page: 'README.md',
    firstLine: 'npm start    # installs, builds, starts a database and the server, and shows the first credential',
    why: 'start.test.ts runs the script behind it; the tests cannot run themselves',
  },
  { page: 'README.md', firstLine: 'The first credential:', why: 'start.test.ts looks for it in what npm start prints' },
  {
    page: 'CONTRIBUTING.md',
    firstLine: 'npm test                                   # everything, as CI does',
    why: 'for developers: tests, checks and benches, which the tests cannot run',
  },
];

/** Every page that people read. */
export function documentationPages(): string[] {
  const docs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  const pages = docs.filter((file) => file.endsWith('.md')).map((file) => `docs/${file}`);
  return ['README.md', 'CONTRIBUTING.md', ...pages.sort()];
}

/** The pages about the database as their index gives them, after the one that comes before all of them. */
export function pagesInOrder(): string[] {
  const index = readPage('docs/database/README.md').matchAll(/^\d+\. \[[^\]]+\]\(([\w-]+\.md)\)/gm);
  return ['docs/getting-started.md', ...[...index].map(([, file = '']) => `docs/database/${file}`)];
}

export function readPage(page: string): string {
  return readFileSync(join(ROOT, page), 'utf8');
}

export function blocksOf(page: string): Block[] {
  return [...readPage(page).matchAll(/^```([^\n]*)\n([\s\S]*?)^```$/gm)].map(([, kind = '', text = '']) => ({
    page,
    kind,
    text,
  }));
}

/** The blocks of a page that the test in `file` executes. @throws Error when there are none */
export function executedBlocks(page: string, file: string): Block[] {
  const mine = EXECUTORS.filter((each) => each.page === page && basename(each.test) === basename(file));
  const blocks = blocksOf(page).filter((block) => mine.some(({ takes }) => takes(block)));
  if (blocks.length === 0) throw new Error(`${page} has no block for ${file}`);
  return blocks;
}
