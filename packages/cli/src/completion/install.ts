import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { errorCode, fileReason } from '../file.ts';
import type { Environment } from '../flags.ts';
import { usageFailure } from '../failure.ts';
import type { Ui } from '../ui.ts';
import { withLines, withoutLines } from './rc-file.ts';
import {
  bashFiles,
  bashLine,
  fishDirectory,
  fishScript,
  isLineFor,
  ZSH_EMULATION,
  zshFile,
  zshLine,
} from './shells.ts';

export interface Installation {
  readonly program: string;
  /** What starts the program, as words. */
  readonly command: readonly string[];
  readonly env: Environment;
  readonly ui: Ui;
}

/** One shell's part: what was done, or why it was not. */
interface Outcome {
  readonly done: boolean;
  readonly message: string;
}

/**
 * Writes completion into the files of the shells that have some, or takes it out. The exit code is 0 when that went well with
 * each of them, and 1 otherwise, as in Vault: also when it was there already, or was not there.
 *
 * @throws CommandFailure when no shell has a file
 */
export async function changeCompletion(kind: 'install' | 'uninstall', installation: Installation): Promise<number> {
  const { env, ui } = installation;
  const home = env['HOME'] || homedir();
  const changes = await shellsOf(home, installation);
  if (changes.length === 0) {
    throw usageFailure(
      `No shell has a file for completion in ${home}: there is no .bashrc, .bash_profile, .bash_login, .profile or .zshrc, and ` +
        `no ${fishDirectory(home, env)}. Create the one that your shell reads, then run this again.`,
    );
  }
  const outcomes = await Promise.all(changes.map((change) => change(kind)));
  for (const { done, message } of outcomes) (done ? ui.output : ui.error)(message);
  if (kind === 'install' && outcomes.some(({ done }) => done)) ui.output('Start a new shell to use it.');
  return outcomes.every(({ done }) => done) ? 0 : 1;
}

type Change = (kind: 'install' | 'uninstall') => Promise<Outcome>;

async function shellsOf(home: string, { program, command, env }: Installation): Promise<Change[]> {
  const bash = await firstOf(bashFiles(home, process.platform));
  const zsh = await firstOf([zshFile(home, env)]);
  const fish = await firstOf([fishDirectory(home, env)]);
  return [
    ...(bash === undefined ? [] : [inFile('bash', bash, program, [bashLine(program, command)])]),
    ...(zsh === undefined ? [] : [inFile('zsh', zsh, program, [ZSH_EMULATION, zshLine(program, command)])]),
    ...(fish === undefined ? [] : [asFile(join(fish, 'completions', `${program}.fish`), fishScript(program, command))]),
  ];
}

async function firstOf(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  }
  return undefined;
}

function inFile(shell: string, path: string, program: string, lines: readonly string[]): Change {
  return (kind) =>
    attempt(path, kind === 'install' ? lines.join('\n') : undefined, async () => {
      const text = await readFile(path, 'utf8');
      const present = text.split('\n').filter((line) => isLineFor(program, line));
      if (kind === 'uninstall') {
        if (present.length === 0) return failed(`Completion is not installed in ${path}`);
        await writeFile(path, withoutLines(text, linesToRemove(text, present)));
        return succeeded(`Success! Removed completion for ${shell} from ${path}`);
      }
      if (present.includes(lines.at(-1) ?? '')) return failed(`Completion is already installed in ${path}`);
      // Left by this program in another place: one line is enough.
      const cleared = withoutLines(text, present);
      const missing = lines.filter((line) => !cleared.split('\n').includes(line));
      if (cleared === text) await appendFile(path, withLines('', missing));
      else await writeFile(path, withLines(cleared, missing));
      return succeeded(`Success! Installed completion for ${shell} in ${path}`);
    });
}

/** zsh's emulation goes as well, unless another command needs it or it was written elsewhere in the file. */
function linesToRemove(text: string, present: readonly string[]): readonly string[] {
  const others = text.split('\n').some((line) => /(^|;)\s*complete\s/.test(line) && !present.includes(line));
  const ours = text.includes(`\n${ZSH_EMULATION}\n${present[0] ?? ''}\n`);
  return ours && !others ? [ZSH_EMULATION, ...present] : present;
}

function asFile(path: string, script: string): Change {
  return (kind) =>
    attempt(path, kind === 'install' ? script : undefined, async () => {
      const before = await readFile(path, 'utf8').catch((thrown: unknown) => {
        if (errorCode(thrown) === 'ENOENT') return undefined;
        throw thrown;
      });
      const ours = before?.startsWith(script.slice(0, script.indexOf('\n'))) === true;
      if (before !== undefined && !ours) return failed(`${path} was not written by Coffer, so it is left as it is`);
      if (kind === 'uninstall') {
        if (!ours) return failed(`Completion is not installed in ${path}`);
        await rm(path);
        return succeeded(`Success! Removed completion for fish: ${path}`);
      }
      if (before === script) return failed(`Completion is already installed in ${path}`);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, script);
      return succeeded(`Success! Installed completion for fish in ${path}`);
    });
}

const succeeded = (message: string): Outcome => ({ done: true, message });
const failed = (message: string): Outcome => ({ done: false, message });

/** `wanted`: what is to be added by hand where it cannot be written. */
async function attempt(path: string, wanted: string | undefined, change: () => Promise<Outcome>): Promise<Outcome> {
  try {
    return await change();
  } catch (thrown) {
    const reason = `Error changing ${path}: ${fileReason(thrown)}`;
    return failed(
      wanted === undefined
        ? `${reason}. Nothing was changed in it.`
        : `${reason}. To add it yourself:\n\n${wanted.trimEnd()}\n`,
    );
  }
}
