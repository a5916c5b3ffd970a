import type pg from 'pg';

/** SQLSTATE class 01, whatever language the server speaks. What is merely deprecated (01P01) is no news for a user. */
const WORTH_TELLING = /^01(?!P01)/;
/** Per statement. GRANT ... ON ALL TABLES may warn of each of them. */
const MOST = 10;
/** A longer one is left out rather than cut, since half a secret is not recognised as one. */
const LONGEST = 500;

/** What the server warned of while it worked on one request. */
export class ServerWarnings {
  readonly #texts: string[][] = [[]];

  /** Of the statement with that number in the request, from 0; without a number, of all of them. */
  of(statement?: number): readonly string[] {
    return statement === undefined ? this.#texts.flat() : (this.#texts[statement] ?? []);
  }

  add({ code = '', message = '' }: Notice): void {
    if (!WORTH_TELLING.test(code)) return;
    const texts = this.#texts.at(-1) ?? [];
    if (texts.length === MOST) texts.push('more warnings were left out');
    if (texts.length > MOST) return;
    const shown = message.length > LONGEST ? `a warning of ${message.length} characters was left out` : message;
    texts.push(`WARNING: ${shown} (SQLSTATE ${code})`);
  }

  nextStatement(): void {
    this.#texts.push([]);
  }
}

interface Notice {
  readonly code?: string;
  readonly message?: string;
}

/**
 * Sorts what the server says on a connection into the requests on their way, which it works on in turn. Everything is read from
 * the stream of messages, because the answer to one request is seen only after the server's words about the next have arrived.
 */
export class WarningsOnConnection {
  readonly #awaited: ServerWarnings[] = [];

  constructor({ connection }: pg.Client) {
    connection.on('notice', (notice: Notice) => this.#awaited[0]?.add(notice));
    connection.on('commandComplete', () => this.#awaited[0]?.nextStatement());
    connection.on('readyForQuery', () => this.#awaited.shift());
  }

  /** To be called when a request is sent. */
  ofNextRequest(): ServerWarnings {
    const warnings = new ServerWarnings();
    this.#awaited.push(warnings);
    return warnings;
  }
}
