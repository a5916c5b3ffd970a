import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { CofferError, errorText, type Logger } from '@coffer/base';
import type { Executable } from './executable.ts';
import { CrashReport, logPluginLine, quotedLine, readLines } from './plugin-log.ts';

/** Lines of stderr that a failed start reports. */
const TAIL_LINES = 20;
const TAIL_LINE_LENGTH = 1024;
/** How long a plugin that ended may still have output in its pipes. */
const OUTPUT_MS = 500;
/** When its pipes are closed though others hold them open: a program that it has left behind, in a session of its own. */
const LEFT_OPEN_MS = 2_000;

/**
 * Plugins must not outlive us. Every orderly end of this process comes by here; our own plugins also watch their host.
 */
const running = new Set<PluginChild>();
process.on('exit', () => {
  for (const child of running) child.kill();
});

export interface ChildOptions {
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** For people. */
  readonly name: string;
  readonly logger: Logger;
}

/**
 * A signal that a terminal, or who stops us, sends to our process group must not end the plugins before we are done with them:
 * what is revoked at the end needs them. A group of its own is also killed as a whole, with what a script waits for.
 */
const OWN_GROUP = process.platform !== 'win32';

/** One plugin process with its pipes: the first line of stdout, the log on stderr, the end. */
export class PluginChild {
  /** Resolves when the process has ended, or could not be started. */
  readonly ended: Promise<void>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #firstLine: Promise<string>;
  readonly #outputClosed: Promise<unknown>;
  readonly #name: string;
  readonly #tail: string[] = [];
  #hasEnded = false;
  /** By us. */
  #killed = false;
  #spawnError: unknown;

  constructor(executable: Executable, options: ChildOptions) {
    const { file, leading, argv0 } = executable;
    const { args, env, name, logger } = options;
    this.#name = name;
    this.#child = spawn(file, [...leading, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env,
      detached: OWN_GROUP,
      ...(argv0 !== undefined && { argv0 }),
    });
    this.#outputClosed = new Promise((done) => this.#child.once('close', done));
    this.ended = new Promise((done) => {
      const end = () => {
        this.#hasEnded = true;
        running.delete(this);
        done();
      };
      this.#child.once('exit', (code, signal) => {
        const isExpected = code === 0 || this.#killed;
        logger[isExpected ? 'debug' : 'error']('plugin process exited', {
          plugin: name,
          pid: this.#child.pid,
          code: code ?? undefined,
          signal: signal ?? undefined,
        });
        end();
        setTimeout(() => this.#closePipes(), LEFT_OPEN_MS).unref();
      });
      this.#child.on('error', (error) => {
        if (this.#child.pid !== undefined) return;
        this.#spawnError = error;
        end();
      });
    });
    running.add(this);
    const crash = new CrashReport();
    readLines(this.#child.stderr, (line) => {
      this.#tail.push(quotedLine(line).slice(0, TAIL_LINE_LENGTH));
      if (this.#tail.length > TAIL_LINES) this.#tail.shift();
      logPluginLine(logger, line, crash.levelOf(line));
    });
    this.#firstLine = new Promise((done) => readLines(this.#child.stdout, done));
  }

  /** An open pipe would keep this process from ending. */
  #closePipes(): void {
    this.#child.stdout.destroy();
    this.#child.stderr.destroy();
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** How it ended: `exit code 2`, `signal SIGKILL`; undefined while it runs. */
  get exit(): string | undefined {
    const { exitCode, signalCode } = this.#child;
    if (signalCode !== null) return `signal ${signalCode}`;
    return exitCode === null ? undefined : `exit code ${exitCode}`;
  }

  kill(): void {
    this.#killed = true;
    if (!OWN_GROUP || this.#child.pid === undefined) {
      this.#child.kill('SIGKILL');
      return;
    }
    try {
      process.kill(-this.#child.pid, 'SIGKILL');
    } catch {
      // Nobody is left in it.
    }
  }

  /**
   * The first line of stdout.
   *
   * @throws CofferError `failed` with the last lines of stderr when there is none within `timeoutMs`
   */
  async handshakeLine(timeoutMs: number): Promise<string> {
    const timer = new AbortController();
    const silent = delay(timeoutMs, undefined, { signal: timer.signal, ref: false }).catch(() => undefined);
    const line = await Promise.race([this.#firstLine, this.ended, silent]);
    timer.abort();
    if (line !== undefined) return line;
    if (!this.#hasEnded) throw this.startError('timeout while waiting for plugin to start');
    await Promise.race([this.#outputClosed, delay(OUTPUT_MS, undefined, { ref: false })]);
    // A process that printed its line and ended at once: the line explains more than the exit does.
    const late = await Promise.race([this.#firstLine, Promise.resolve(undefined)]);
    if (late !== undefined) return late;
    const { exitCode, signalCode } = this.#child;
    const how =
      this.#spawnError === undefined ? `exit ${exitCode ?? signalCode ?? 'unknown'}` : spawnErrorText(this.#spawnError);
    throw this.startError(`plugin exited before we could connect (${how})`);
  }

  /** An error of the start, with what the plugin said on stderr. */
  startError(message: string, cause?: unknown): CofferError {
    const said = this.#tail.length === 0 ? '' : `; its last output: ${this.#tail.join('\n')}`;
    return new CofferError('failed', `plugin "${this.#name}": ${message}${said}`, { cause: cause ?? this.#spawnError });
  }
}

/** The file itself was there when it was opened: what is missing is what execve(2) starts in its place. */
function spawnErrorText(error: unknown): string {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return errorText(error);
  return 'no such file or directory: the file is there, but not the loader or interpreter that it names, as with one for glibc on Alpine';
}
