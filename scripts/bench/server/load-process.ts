/**
 * The process of {@link Load}: each client has one connection and sends its next request when the one before is answered.
 * It shares the processors with what it measures, so a request is bytes that are made beforehand, and of an answer nothing
 * is read but its status and its end.
 */
import { connect, type Socket } from 'node:net';
import { type Answered, httpRequest, type Order, type Until, type Work } from './load.ts';

/** Before a connection that failed is tried again: a server that is gone must not be asked as fast as we can. */
const AGAIN_MS = 50;
const HEAD_END = '\r\n\r\n';
/** The end of the line before, and the last chunk. */
const LAST_CHUNK = Buffer.from('\r\n0\r\n\r\n');
const SAMPLE_BYTES = 500;

/** Whether an answer is there as a whole. Nothing follows it, since no request is sent before. */
function isWhole(bytes: Buffer): boolean {
  const end = bytes.indexOf(HEAD_END);
  if (end === -1) return false;
  const head = bytes.toString('latin1', 0, end);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  if (length !== undefined) return bytes.length >= end + HEAD_END.length + Number(length);
  if (!/\r\ntransfer-encoding: *chunked/i.test(head)) return true;
  return bytes
    .subarray(end + 2)
    .subarray(-LAST_CHUNK.length)
    .equals(LAST_CHUNK);
}

/** What all clients of one order share: when to stop, and what came of their requests. */
class Tally {
  readonly #deadline: number;
  #left: number;
  #times = new Float64Array(4096);
  #answered = 0;
  readonly #errors: Record<string, { count: number; sample: string }> = {};

  constructor({ ms = Number.POSITIVE_INFINITY, count = Number.POSITIVE_INFINITY }: Until) {
    this.#deadline = performance.now() + ms;
    this.#left = count;
  }

  get isOver(): boolean {
    return this.#left <= 0 || performance.now() >= this.#deadline;
  }

  /** Whether one more request may be sent, which is then counted. */
  take(): boolean {
    if (this.isOver) return false;
    this.#left--;
    return true;
  }

  succeeded(ms: number): void {
    if (this.#answered === this.#times.length) {
      const more = new Float64Array(2 * this.#times.length);
      more.set(this.#times);
      this.#times = more;
    }
    this.#times[this.#answered++] = ms;
  }

  failed(what: string, sample: string): void {
    const error = (this.#errors[what] ??= { count: 0, sample: sample.slice(-SAMPLE_BYTES) });
    error.count++;
  }

  answer(seconds: number): Answered {
    const sorted = this.#times.subarray(0, this.#answered).sort();
    const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    return { answered: this.#answered, seconds, p50: at(0.5), p99: at(0.99), errors: this.#errors };
  }
}

/** What a client sends, one request after the other. */
interface Turns {
  /** Undefined: there is nothing more to send. */
  next(): Buffer | undefined;
  /** With undefined for one that failed. */
  answered(answer: Buffer | undefined): void;
}

function fixedTurns(request: string, tally: Tally): Turns {
  const bytes = Buffer.from(request);
  return { next: () => (tally.take() ? bytes : undefined), answered: () => undefined };
}

/** `left` is shared by all clients. */
function onceTurns(left: string[], tally: Tally): Turns {
  return {
    next: () => {
      const request = left.length > 0 && tally.take() ? left.pop() : undefined;
      return request === undefined ? undefined : Buffer.from(request);
    },
    answered: () => undefined,
  };
}

/** Each cycle is ended, lest it leave a lease. */
function cycleTurns({ role, token }: NonNullable<Work['cycle']>, tally: Tally): Turns {
  const issue = Buffer.from(httpRequest('GET', `database/creds/${role}`, token));
  const toDo: Buffer[] = [];
  return {
    next: () => toDo[0] ?? (tally.take() ? issue : undefined),
    answered: (answer) => {
      if (toDo.shift() !== undefined || answer === undefined) return;
      const [, lease_id = ''] = /"lease_id":"([^"]+)"/.exec(answer.toString()) ?? [];
      toDo.push(Buffer.from(httpRequest('PUT', 'sys/leases/renew', token, { lease_id, increment: 7200 })));
      toDo.push(Buffer.from(httpRequest('PUT', 'sys/leases/revoke', token, { lease_id })));
    },
  };
}

/** Resolves when this client has nothing more to send, and all that it sent was answered or failed. */
function serve({ host, port }: Work, turns: Turns, tally: Tally): Promise<void> {
  return new Promise((done) => {
    let socket: Socket;
    let received: Buffer | undefined;
    let sent = 0;
    const send = (): void => {
      const request = turns.next();
      if (request === undefined) {
        socket.removeAllListeners('close').destroy();
        done();
        return;
      }
      sent = performance.now();
      socket.write(request);
    };
    const read = (chunk: Buffer): void => {
      received = received === undefined ? chunk : Buffer.concat([received, chunk]);
      if (!isWhole(received)) return;
      const answer = received;
      received = undefined;
      const status = answer.toString('latin1', 9, 12);
      const isGood = status === '200' || status === '204';
      if (isGood) tally.succeeded(performance.now() - sent);
      else tally.failed(status, answer.toString());
      turns.answered(isGood ? answer : undefined);
      send();
    };
    const open = (): void => {
      let reason = 'closed before it answered';
      received = undefined;
      socket = connect({ host, port, noDelay: true });
      socket.once('connect', send).on('data', read);
      socket.once('error', ({ message }) => (reason = message));
      socket.once('close', () => {
        tally.failed('connection', reason);
        turns.answered(undefined);
        setTimeout(() => (tally.isOver ? done() : open()), AGAIN_MS);
      });
    };
    open();
  });
}

async function run({ work, until }: Order): Promise<Answered> {
  const { clients, requests = [], each, cycle } = work;
  const tally = new Tally(until);
  const left = each?.toReversed();
  const turnsOf = (client: number): Turns => {
    if (cycle !== undefined) return cycleTurns(cycle, tally);
    if (left !== undefined) return onceTurns(left, tally);
    return fixedTurns(requests[client % Math.max(1, requests.length)] ?? '', tally);
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: clients }, (_, client) => serve(work, turnsOf(client), tally)));
  return tally.answer((performance.now() - begin) / 1000);
}

process.on('message', (order: Order) => {
  run(order).then(
    (answered) => process.send?.(answered),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
