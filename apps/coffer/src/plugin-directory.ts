import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CofferError, distrust, errorText, type LogFields, type Logger, loggerOver, type LogLevel } from '@coffer/base';
import type { Core } from '@coffer/core';
import { probeDatabasePlugin } from '@coffer/engine-database';
import { checkPluginEntry } from '@coffer/framework';
import { examineCandidate } from './plugin-candidate.ts';

/** More than there are cores to work on: what is none may do nothing until its time is over. */
const AT_ONCE = 8;

/**
 * Registers the database plugins among the files of `directory` under their file names, as Vault's -dev-plugin-dir does. A file
 * is started only when a look at it does not tell that it cannot be one, and several at a time. The log says of each program
 * and script what became of it.
 *
 * @returns the names, sorted
 * @throws CofferError `failed` when the directory cannot be read, or others can write to it
 */
export async function registerPluginDirectory(core: Core, directory: string, logger: Logger): Promise<string[]> {
  const log = logger.named('plugin');
  const names = (await listFiles(directory)).sort();
  const registered = new Set<string>();
  const waiting = names.values();
  const work = async (): Promise<void> => {
    for (const name of waiting) {
      const file = join(directory, name);
      try {
        const version = await registerFile(core, directory, name, log);
        if (version === undefined) continue;
        log.info('registered in the catalog', { name, file, ...(version !== '' && { version }) });
        registered.add(name);
      } catch (error) {
        log.info('not registered in the catalog', { file, reason: errorText(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  return names.filter((name) => registered.has(name));
}

/**
 * @returns the version that the plugin reports, empty when none; undefined for what nobody takes for a plugin
 * @throws CofferError that says why it is left out, in one line
 */
async function registerFile(core: Core, directory: string, name: string, log: Logger): Promise<string | undefined> {
  const sha256 = await examineCandidate(join(directory, name));
  if (sha256 === undefined) return undefined;
  const entry = { name, type: 'database', command: name, args: [], env: [], sha256, version: '' } as const;
  checkPluginEntry(entry);
  const trial = new Trial(name);
  try {
    const version = await probeDatabasePlugin(directory, entry, trial.logger(log));
    await core.services.plugins.register(entry);
    return version;
  } catch (error) {
    throw new CofferError('failed', trial.reason(error), { cause: error });
  }
}

/** A start to see what comes of it: whatever goes wrong is expected, and nothing to be alarmed by. */
class Trial {
  readonly #name: string;
  #complaint: string | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** Says at the level `debug` what a plugin and its start have to say. */
  logger(logger: Logger): Logger {
    return loggerOver(
      (level, message, fields) => {
        this.#listen(level, message, fields);
        logger.debug(message, fields);
      },
      (name) => this.logger(logger.named(name)),
    );
  }

  /** Only what is written as go-plugin's log: the rest may be anything, such as a page of help. */
  #listen(level: LogLevel, message: string, fields: LogFields): void {
    if (level !== 'error' || fields['@module'] === undefined) return;
    const { error } = fields;
    this.#complaint ??= error === undefined ? message : `${message}: ${error}`;
  }

  /**
   * The first line of an error, without the output, which the log has at the level `debug`. Of that only what tells by its name
   * why it cannot start: that Node.js is too old for it, or that `env` does not find what it is written for.
   */
  reason(error: unknown): string {
    const [line = ''] = errorText(error).split('\n', 1);
    const [reason = '', output = ''] = line.split('; its last output: ', 2);
    const isReason = output.startsWith(`${this.#name} `) || /^(\/usr\/bin\/)?env: /.test(output);
    const why = this.#complaint ?? (isReason ? output : undefined);
    return why === undefined ? reason : `${reason}: ${why}`;
  }
}

/** The names of the files in it, also of those that links lead to. */
async function listFiles(directory: string): Promise<string[]> {
  try {
    const reason = distrust(directory, await stat(directory));
    if (reason !== undefined) throw new Error(reason);
    const names = await readdir(directory);
    const isFile = (name: string): Promise<boolean> =>
      stat(join(directory, name)).then(
        (found) => found.isFile(),
        () => false,
      );
    const files = await Promise.all(names.map(isFile));
    return names.filter((_, index) => files[index]);
  } catch (error) {
    throw new CofferError('failed', `-dev-plugin-dir: ${errorText(error)}`, { cause: error });
  }
}
