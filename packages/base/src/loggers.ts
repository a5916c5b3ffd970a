import { isAtLeast, type LogEntry, type Logger, loggerOver, type LogLevel } from './log.ts';

/** The name of the logger that all others come from: no line is without a name. */
const ROOT = 'coffer';
/** Names are kept for whoever lists them; those of mounts come from callers. */
const MOST_NAMES = 10_000;

/** Somebody who reads along, whatever the levels of the loggers are. */
export interface LogFollower {
  /** The least severe that it gets. */
  readonly level: LogLevel;
  receive(entry: LogEntry): void;
  /** The process ends: nothing more comes. */
  end(): void;
}

/** The loggers of a process by their names, each with a level that may be changed while it runs. */
export class Loggers {
  /** Those made of it have names of their own: `core`, not `coffer.core`. */
  readonly root: Logger;
  readonly #write: (entry: LogEntry) => void;
  readonly #names = new Set<string>();
  /** What the configuration says. */
  #configured: LogLevel;
  #common: LogLevel;
  readonly #own = new Map<string, LogLevel>();
  readonly #followers = new Set<LogFollower>();

  constructor(level: LogLevel, write: (entry: LogEntry) => void) {
    this.#configured = level;
    this.#common = level;
    this.#write = write;
    this.root = this.#logger(ROOT, '');
  }

  /** Sorted. */
  get names(): string[] {
    return [...this.#names].sort();
  }

  /** Undefined where there is no such logger. */
  levelOf(name: string): LogLevel | undefined {
    return this.#names.has(name) ? this.#levelOf(name) : undefined;
  }

  /** The level that the configuration says from now on, for all of them. */
  configure(level: LogLevel): void {
    this.#configured = level;
    this.setAll(level);
  }

  /** Also for those that are made later. */
  setAll(level: LogLevel): void {
    this.#common = level;
    this.#own.clear();
  }

  /** Of one alone: not of those whose names begin with its own. Returns whether there is one. */
  set(name: string, level: LogLevel): boolean {
    if (!this.#names.has(name)) return false;
    this.#own.set(name, level);
    return true;
  }

  /** Back to what the configuration says. */
  revertAll(): void {
    this.setAll(this.#configured);
  }

  /** Returns whether there is such a logger. */
  revert(name: string): boolean {
    return this.set(name, this.#configured);
  }

  /** How many read along. */
  get followers(): number {
    return this.#followers.size;
  }

  /** Until the returned function is called. */
  follow(follower: LogFollower): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  endFollowers(): void {
    for (const follower of this.#followers) follower.end();
    this.#followers.clear();
  }

  #levelOf(name: string): LogLevel {
    return this.#own.get(name) ?? this.#common;
  }

  #logger(module: string, prefix: string): Logger {
    if (this.#names.size < MOST_NAMES) this.#names.add(module);
    return loggerOver(
      (level, message, fields) => {
        const isWritten = isAtLeast(level, this.#levelOf(module));
        if (!isWritten && this.#followers.size === 0) return;
        const entry = { time: new Date(), level, module, message, fields };
        if (isWritten) this.#write(entry);
        for (const follower of this.#followers) if (isAtLeast(level, follower.level)) follower.receive(entry);
      },
      (name) => this.#logger(`${prefix}${name}`, `${prefix}${name}.`),
    );
  }
}
