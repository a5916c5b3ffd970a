/**
 * A network between the nodes and their database that takes time: a process of its own, so that what it costs is not
 * counted as theirs. Each packet is handed on after half of the delay, whatever is under way before it, so a connection is
 * as wide as ever. How often a client waited for an answer, which is what a delay costs, is counted for each route.
 *
 * The child of {@link startDelayProxy} runs this very file.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

export interface DelayProxy {
  /** Where each route listens on 127.0.0.1, in the order of the targets. */
  readonly ports: readonly number[];
  /** From now on, for each round trip. */
  setDelay(roundTripMs: number): Promise<void>;
  /** Round trips so far on each route. */
  roundTrips(): Promise<readonly number[]>;
  stop(): Promise<void>;
}

/** What the child is told: a new delay, or nothing but to answer. It always answers with a {@link Report}. */
interface Order {
  readonly roundTripMs?: number;
}
interface Report {
  readonly ports: readonly number[];
  readonly roundTrips: readonly number[];
}

/** One route to each port of 127.0.0.1, without a delay at first. */
export async function startDelayProxy(targets: readonly number[]): Promise<DelayProxy> {
  const child = fork(import.meta.filename, targets.map(String), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const { ports } = await report(child);
  const ask = (order: Order): Promise<Report> => {
    const answer = report(child);
    child.send(order);
    return answer;
  };
  return {
    ports,
    setDelay: async (roundTripMs) => void (await ask({ roundTripMs })),
    roundTrips: async () => (await ask({})).roundTrips,
    stop: async () => {
      const end = once(child, 'exit');
      child.disconnect();
      await end;
    },
  };
}

async function report(child: ChildProcess): Promise<Report> {
  const gone = new AbortController();
  const ended = once(child, 'exit', { signal: gone.signal }).then(() => {
    throw new Error('the delay proxy ended');
  });
  const [message] = (await Promise.race([once(child, 'message', { signal: gone.signal }), ended])) as [Report];
  ended.catch(() => undefined);
  gone.abort();
  return message;
}

/** Packets in the order in which they are due. They all wait equally long, so each new one is the last. */
class Waiting {
  readonly #packets: { readonly due: bigint; readonly deliver: () => void }[] = [];
  readonly #clock = new BigInt64Array(new SharedArrayBuffer(8));
  delayNs = 0n;

  constructor() {
    // Node's own timers count whole milliseconds, which is as much as the shortest delay: a thread that sleeps is finer.
    const sleeper = new Worker(import.meta.filename, { workerData: this.#clock.buffer });
    sleeper.on('message', () => this.#deliver());
  }

  add(deliver: () => void): void {
    if (this.delayNs === 0n && this.#packets.length === 0) {
      deliver();
      return;
    }
    this.#packets.push({ due: process.hrtime.bigint() + this.delayNs, deliver });
    if (this.#packets.length === 1) this.#wake();
  }

  #wake(): void {
    const [next] = this.#packets;
    if (next === undefined) return;
    Atomics.store(this.#clock, 0, next.due);
    Atomics.notify(this.#clock, 0);
  }

  #deliver(): void {
    const now = process.hrtime.bigint();
    const due = this.#packets.findIndex((packet) => packet.due > now);
    for (const { deliver } of this.#packets.splice(0, due === -1 ? this.#packets.length : due)) deliver();
    this.#wake();
  }
}

/** The thread: sleeps until the time that the clock shows, says so, and waits for the next one. */
function sleepAndTell(clock: BigInt64Array): void {
  for (;;) {
    const due = Atomics.load(clock, 0);
    const left = Number(due - process.hrtime.bigint()) / 1e6;
    if (due === 0n) Atomics.wait(clock, 0, 0n);
    else if (left > 0) Atomics.wait(clock, 0, due, left);
    else if (Atomics.compareExchange(clock, 0, due, 0n) === due) parentPort?.postMessage('due');
  }
}

function forward(client: Socket, port: number, waiting: Waiting, onRoundTrip: () => void): void {
  const server = connect({ host: '127.0.0.1', port, noDelay: true });
  let answered = true;
  const pass = (from: Socket, to: Socket, seen: () => void): void => {
    from.on('data', (chunk: Buffer) => {
      seen();
      waiting.add(() => void (to.writable && to.write(chunk)));
    });
    from.on('error', () => undefined);
    from.once('close', () => waiting.add(() => to.end()));
  };
  pass(client, server, () => {
    if (answered) onRoundTrip();
    answered = false;
  });
  pass(server, client, () => (answered = true));
}

async function listen(port: number, waiting: Waiting, onRoundTrip: () => void): Promise<number> {
  const listener = createServer({ noDelay: true }, (client) => forward(client, port, waiting, onRoundTrip));
  await once(listener.listen({ host: '127.0.0.1', port: 0 }), 'listening');
  const address = listener.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function serve(targets: readonly number[]): Promise<void> {
  const waiting = new Waiting();
  const roundTrips = targets.map(() => 0);
  const ports = await Promise.all(
    targets.map((port, at) => listen(port, waiting, () => (roundTrips[at] = (roundTrips[at] ?? 0) + 1))),
  );
  process.on('message', ({ roundTripMs }: Order) => {
    if (roundTripMs !== undefined) waiting.delayNs = BigInt(Math.round((roundTripMs * 1e6) / 2));
    process.send?.({ ports, roundTrips } satisfies Report);
  });
  process.on('disconnect', () => process.exit());
  process.send?.({ ports, roundTrips } satisfies Report);
}

if (!isMainThread && workerData instanceof SharedArrayBuffer) sleepAndTell(new BigInt64Array(workerData));
else if (process.argv[1] === import.meta.filename && process.send !== undefined) {
  await serve(process.argv.slice(2).map(Number));
}
