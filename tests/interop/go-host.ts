/** Drives `host/main.go`: HashiCorp's own host code in a process of its own. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import type { JsonObject, JsonValue } from '@coffer/base';

/** An operation of the host failed. `code` is the gRPC status that Go's error carries, if any. */
export class GoHostError extends Error {
  readonly code: string;
  /** Whether it is dbplugin's ErrPluginShutdown, at which Vault opens the database again. */
  readonly shutdown: boolean;

  constructor(message: string, code: string, shutdown: boolean) {
    super(message);
    this.name = 'GoHostError';
    this.code = code;
    this.shutdown = shutdown;
  }
}

/** One line of the host's log, which has the lines of its plugins in it. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly line: string;
}

interface Answer {
  readonly id: number;
  readonly result?: JsonValue;
  readonly error?: string;
  readonly code?: string;
  readonly shutdown?: boolean;
}

interface Waiting {
  readonly done: (result: JsonValue) => void;
  readonly fail: (error: Error) => void;
}

/** What the host knows of a plugin's process. */
export interface ProcessView {
  readonly pid: number;
  readonly protocol: number;
  readonly multiplexing: boolean;
  readonly socket: string;
  readonly version: string;
}

export class GoHost {
  readonly pid: number;
  readonly log: LogLine[] = [];
  /** Everything that any operation failed with. */
  readonly errors: string[] = [];
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #ended: Promise<unknown>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #watchers = new Set<() => void>();
  #requests = 0;

  constructor(file: string, env: NodeJS.ProcessEnv) {
    this.#child = spawn(file, [], { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.pid = this.#child.pid ?? 0;
    this.#child.stdin.on('error', () => undefined);
    this.#ended = once(this.#child, 'close').finally(() => {
      for (const { fail } of this.#waiting.values()) fail(new Error('the Go host has ended'));
      this.#waiting.clear();
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => this.#answer(JSON.parse(line) as Answer));
    createInterface({ input: this.#child.stderr }).on('line', (line) => this.#logLine(line));
  }

  /** @throws GoHostError */
  call(op: string, fields: JsonObject): Promise<JsonValue> {
    const id = ++this.#requests;
    return new Promise((done, fail) => {
      this.#waiting.set(id, { done, fail });
      this.#child.stdin.write(`${JSON.stringify({ ...fields, id, op })}\n`);
    });
  }

  /** One more database of a registered plugin; resolves with the process that it is in. */
  async open(plugin: string, database: string): Promise<ProcessView> {
    return (await this.call('open', { plugin, database })) as unknown as ProcessView;
  }

  /** Resolves with the first log line, past or to come, that fits. */
  waitForLog(fits: (line: LogLine) => boolean): Promise<LogLine> {
    return new Promise((done, fail) => {
      const look = () => {
        const found = this.log.find(fits);
        if (found === undefined) return;
        this.#watchers.delete(look);
        clearTimeout(timer);
        done(found);
      };
      const timer = setTimeout(() => {
        this.#watchers.delete(look);
        fail(
          new Error(
            `no such log line; the last ones:\n${this.log
              .slice(-20)
              .map(({ line }) => line)
              .join('\n')}`,
          ),
        );
      }, 20_000);
      this.#watchers.add(look);
      look();
    });
  }

  /** Ends the host in order: it ends its plugins first. */
  async stop(): Promise<void> {
    this.#child.stdin.end();
    await this.#ended;
  }

  /** Ends the host like a crash. Its plugins are on their own. */
  async crash(): Promise<void> {
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  #answer({ id, result = null, error, code = '', shutdown = false }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) {
      waiting?.done(result);
      return;
    }
    this.errors.push(error);
    waiting?.fail(new GoHostError(error, code, shutdown));
  }

  #logLine(line: string): void {
    let entry: { '@level'?: string; '@message'?: string } = {};
    try {
      entry = JSON.parse(line) as typeof entry;
    } catch {
      // A panic of the Go program is no JSON.
    }
    const { '@level': level = '', '@message': message = line } = entry;
    this.log.push({ level, message, line });
    for (const look of this.#watchers) look();
  }
}
