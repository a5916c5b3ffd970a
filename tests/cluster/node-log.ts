/** What a node prints: kept in a file, and looked through while it comes. */
import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

const KEPT_LINES = 40;
/** The product masks a bug's message as these words; a line of a stack trace begins with "at". */
const SUSPICIOUS = /internal error|^\s+at .+:\d+:\d+\)?$|unhandled|UnhandledPromise|heap out of memory/i;
/** As the default password policy makes them, and the same in base64. */
const CANDIDATE = /[A-Za-z0-9+/=_-]{20,}/g;

export class NodeLog {
  readonly file: string;
  readonly #out: WriteStream;
  readonly #onSuspicious: (line: string) => void;
  #last: string[] = [];

  /** @param onSuspicious is told of each line that no log of ours may have */
  constructor(file: string, onSuspicious: (line: string) => void) {
    this.file = file;
    this.#out = createWriteStream(file, { flags: 'a' });
    this.#onSuspicious = onSuspicious;
  }

  follow(stream: Readable, onLine: (line: string) => void): void {
    createInterface({ input: stream }).on('line', (line) => {
      this.add(line);
      if (SUSPICIOUS.test(line)) this.#onSuspicious(line);
      onLine(line);
    });
  }

  /** A line of the test's own, to find one's way by. */
  add(line: string): void {
    this.#out.write(`${line}\n`);
    this.#last = [...this.#last.slice(1 - KEPT_LINES), line];
  }

  get last(): string {
    return this.#last.join('\n');
  }

  /** The passwords of `issued` that the file shows. Afterwards nothing can be added. */
  async shown(issued: ReadonlySet<string>): Promise<string[]> {
    await new Promise<void>((done) => this.#out.end(done));
    const encoded = new Map([...issued].map((password) => [Buffer.from(password).toString('base64'), password]));
    const lengths = new Set([...issued, ...encoded.keys()].map(({ length }) => length));
    const found = new Set<string>();
    for await (const line of createInterface({ input: createReadStream(this.file) })) {
      for (const [run] of line.matchAll(CANDIDATE)) {
        for (const length of lengths) {
          for (let from = 0; from + length <= run.length; from++) {
            const part = run.slice(from, from + length);
            const password = encoded.get(part) ?? part;
            if (issued.has(password)) found.add(password);
          }
        }
      }
    }
    return [...found];
  }
}
