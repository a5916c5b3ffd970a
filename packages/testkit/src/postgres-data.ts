import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, chown, constants, mkdtemp, rename, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { CofferError, errorText } from '@coffer/base';
import { type Account, isOurs, type PostgresBinaries } from './binaries.ts';
import { documentedAdmin, type Login } from './documented-admin.ts';
import { type ServerFiles, serverEnvironment } from './postgres-process.ts';
import { ybServersFunction } from './yb-servers.ts';

/** What a new data directory holds. */
export interface DataContents {
  readonly superuser: Login;
  /** Undefined: the product is given the superuser. */
  readonly admin: Login | undefined;
  readonly database: string;
  readonly ybServers: boolean;
  readonly passwordEncryption: 'scram-sha-256' | 'md5';
}

/** What to run, and as whom. */
export interface Installation {
  readonly binaries: PostgresBinaries;
  readonly account: Account | undefined;
}

const SHARED_MEMORY = '/dev/shm';
const ENOUGH_BYTES = 2 ** 30;

/**
 * Where data directories stand: in shared memory on Linux, or in the temporary directory when they must be durable or
 * there is too little shared memory (a container has 64 MB by default). A server has some 1300 small files, and an ext4
 * without a journal looks at each inode that was freed in the last seconds before it gives one away
 * (linux:fs/ext4/ialloc.c, recently_deleted): there one start after another takes a second.
 */
export async function dataHome(durable: boolean): Promise<string> {
  if (durable) return tmpdir();
  try {
    const { bavail, bsize } = await statfs(SHARED_MEMORY);
    await access(SHARED_MEMORY, constants.W_OK);
    return bavail * bsize >= ENOUGH_BYTES ? SHARED_MEMORY : tmpdir();
  } catch {
    return tmpdir();
  }
}

/**
 * Makes `files.data`, with `contents` and without a configuration. `reusable`: copied from a directory with the same
 * contents that is kept in the temporary directory, and made when there is none yet, since initdb takes ten times as
 * long as the copy.
 *
 * @throws CofferError `failed` with what initdb or the server said
 */
export async function makeData(
  files: ServerFiles,
  contents: DataContents,
  installation: Installation,
  reusable: boolean,
): Promise<void> {
  if (!reusable) return initialise(files.root, contents, installation);
  const template = await keptTemplate(contents, installation);
  await run('cp', ['-a', path.join(template, 'data'), files.data], {});
}

/** The directory takes its name by one rename, so a concurrent start sees all of it or none. */
async function keptTemplate(contents: DataContents, installation: Installation): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const { binaries, account } = installation;
  const parts = [binaries.version, account?.uid, contents, sessions(contents)];
  const key = createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 16);
  const template = path.join(tmpdir(), `coffer-postgres-template-${key}-${uid}`);
  if (await isOurs(template, uid)) return template;
  const draft = await mkdtemp(`${template}.`);
  try {
    if (account !== undefined) await chown(draft, account.uid, account.gid);
    await initialise(draft, contents, installation);
    if (account !== undefined) await chown(draft, uid, process.getgid?.() ?? 0);
    await rename(draft, template);
  } catch (thrown) {
    await rm(draft, { recursive: true, force: true });
    if (!(await isOurs(template, uid))) throw thrown;
  }
  return template;
}

async function initialise(root: string, contents: DataContents, { binaries, account }: Installation): Promise<void> {
  const { superuser, passwordEncryption } = contents;
  const data = path.join(root, 'data');
  const passwordFile = path.join(root, 'password');
  const options = { ...account, cwd: root, env: serverEnvironment() };
  await writeFile(passwordFile, `${superuser.password}\n`, { mode: 0o600 });
  if (account !== undefined) await chown(passwordFile, account.uid, account.gid);
  const asked = ['-D', data, '-U', superuser.user, `--pwfile=${passwordFile}`, `--auth=${passwordEncryption}`];
  // A segment of the log is the largest file to copy: 16 MB by default.
  const fixed = ['--wal-segsize=1', '--no-sync', '--no-instructions', '--locale=C', '-E', 'UTF8'];
  await run(binaries.initdb, [...asked, ...fixed], options);
  await rm(passwordFile);
  // A server that listens nowhere. -F: no fsync; -j: a statement ends with a semicolon and an empty line.
  const alone = ['--single', '-F', '-j', '-D', data, '-c', 'exit_on_error=on'];
  // Failures are reported to the caller; the log must not get the statement that holds the admin's password.
  const settings = ['-c', `password_encryption=${passwordEncryption}`, '-c', 'log_min_error_statement=panic'];
  for (const [database, statements] of sessions(contents)) {
    const input = statements.map((statement) => `${statement};\n\n`).join('');
    await run(binaries.postgres, [...alone, ...settings, database], options, input);
  }
}

/** Which statements to run in which database, in this order. */
function sessions({ admin, database, ybServers }: DataContents): [string, string[]][] {
  const servers = ybServers ? [ybServersFunction()] : [];
  const isNew = database !== 'postgres' && database !== 'template1';
  const create = isNew ? [`CREATE DATABASE "${database.replaceAll('"', '""')}"`] : [];
  const all: [string, string[]][] = [
    ['template1', servers],
    ['postgres', [...servers, ...create]],
    [database, admin === undefined ? [] : documentedAdmin(admin, database)],
  ];
  return all.filter(([, statements]) => statements.length > 0);
}

interface RunOptions extends Partial<Account> {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** @throws CofferError `failed` with what the program said, when it ends with another status than 0 */
async function run(program: string, args: readonly string[], options: RunOptions, input = ''): Promise<void> {
  const child = spawn(program, args, { ...options, stdio: 'pipe' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    stream.on('error', (error) => (output += errorText(error)));
  }
  // It may be gone before it has read all.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve) => {
    child.once('close', resolve);
    child.once('error', (error) => {
      output += error.message;
      resolve(null);
    });
  });
  if (status === 0) return;
  throw new CofferError('failed', `${path.basename(program)} failed: ${output.trim().slice(-2000)}`);
}
