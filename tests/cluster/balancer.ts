/**
 * What stands between clients and nodes: a load balancer that asks each node for its health, and clients that send what got
 * no answer to another node.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { CofferError, isCofferError, type JsonObject } from '@coffer/base';
import { ApiError, createClient } from '@coffer/client';
import type { ClusterNode } from './cluster-node.ts';
import type { Findings } from './findings.ts';
import type { Random } from './random.ts';

const HEALTH_EVERY_MS = 500;
const HEALTH_MS = 1_000;
/** A node whose store is away answers within ten seconds. */
const ANSWER_MS = 12_000;
/**
 * How long a client goes on trying elsewhere: what a node had begun waits for about 15 s once that is dead, and the next one to take it
 * up may be struck in its turn.
 */
const PATIENCE_MS = 120_000;
const PAUSE_MS = 100;
const REASON_LENGTH = 90;
/** Of a proxy, or of a node that asks to come again. */
const ELSEWHERE = new Set([429, 502, 503, 504]);

export interface Request {
  /** What it is counted as. */
  readonly kind: string;
  readonly method: 'GET' | 'PUT' | 'DELETE' | 'LIST';
  readonly path: string;
  readonly body?: JsonObject;
  /** The root token when absent. */
  readonly token?: string;
  /** Only there; otherwise wherever the balancer says. */
  readonly node?: ClusterNode | undefined;
  /** Of `node`: it is asked once, since it may be away at this time. */
  readonly once?: boolean;
}

export interface Answer {
  readonly status: number;
  /** All that came, or `data` of it where there is one. */
  readonly data: JsonObject;
  readonly body: JsonObject;
  readonly errors: readonly string[];
  readonly node: string;
}

/** One try of a request, for whoever keeps book. */
export interface Attempt {
  /** It got no answer, or one that says nothing about what has happened. */
  unknown(): void;
}

/** Nobody answered, although some node was alive all the time; or a server error that is none of those to be tried again. */
export class SurfacedError extends Error {}
/** The one node that was asked did not answer, which was to be expected. */
export class NodeAway extends Error {}

export class Balancer {
  readonly #nodes: readonly ClusterNode[];
  readonly #token: string;
  readonly #findings: Findings;
  readonly #ill = new Set<ClusterNode>();
  readonly #ended = new AbortController();
  readonly #watching: Promise<unknown>;

  constructor(nodes: readonly ClusterNode[], token: string, findings: Findings) {
    this.#nodes = nodes;
    this.#token = token;
    this.#findings = findings;
    this.#watching = Promise.all(nodes.map((node) => this.#watch(node)));
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    await this.#watching;
  }

  async #watch(node: ClusterNode): Promise<void> {
    const client = createClient({ address: node.address, timeoutMs: HEALTH_MS });
    while (!this.#ended.signal.aborted) {
      await client.request('GET', 'sys/health').then(
        () => this.#ill.delete(node),
        () => this.#ill.add(node),
      );
      await sleep(HEALTH_EVERY_MS);
    }
  }

  /**
   * Sends to one node after the other until one answers; any status below 500 but 429 is an answer.
   *
   * @param begin is called before each try
   * @returns the answer, with what `begin` returned for that try
   * @throws SurfacedError which has been reported; NodeAway
   */
  async send<T extends Attempt>(
    random: Random,
    request: Request,
    begin: (node: string) => T,
  ): Promise<{ answer: Answer; attempt: T }> {
    const started = performance.now();
    let last: ClusterNode | undefined;
    for (let tries = 0; ; tries++) {
      const node = request.node ?? this.#choose(random, last);
      last = node;
      this.#findings.count(`requests/${request.kind}`);
      const attempt = begin(node.name);
      try {
        const answer = await this.#ask(node, request);
        this.#findings.highest(`longest/${request.kind}`, Math.round(performance.now() - started));
        return { answer, attempt };
      } catch (thrown) {
        attempt.unknown();
        const error = CofferError.from(thrown);
        const again = !(thrown instanceof ApiError) || ELSEWHERE.has(thrown.status);
        if (again && request.once === true) throw new NodeAway(node.name);
        if (!again || performance.now() > started + PATIENCE_MS)
          throw this.#surfaced(request, node, tries, error, thrown);
        this.#findings.count('retried elsewhere');
        this.#findings.count(`retried/${reasonOf(thrown, error)}`);
      }
      await sleep(PAUSE_MS * (1 + random.next()));
    }
  }

  #surfaced(request: Request, node: ClusterNode, tries: number, error: CofferError, thrown: unknown): SurfacedError {
    this.#findings.count('surfaced errors');
    // A proxy or client of ours that fails is a bug of the test, and no answer.
    const what = isCofferError(thrown) ? error.message.replaceAll('\n', ' ') : String((thrown as Error).stack);
    const text = `surfaced after ${tries + 1} tries at ${node.name}: ${request.kind} ${request.method} ${request.path}: ${what}`;
    this.#findings.violation(text);
    return new SurfacedError(text);
  }

  #choose(random: Random, last: ClusterNode | undefined): ClusterNode {
    const healthy = this.#nodes.filter((node) => !this.#ill.has(node));
    const others = healthy.filter((node) => node !== last);
    return random.pick([others, healthy, this.#nodes].find((some) => some.length > 0) ?? this.#nodes);
  }

  async #ask(node: ClusterNode, request: Request): Promise<Answer> {
    const client = createClient({
      address: node.address,
      token: request.token ?? this.#token,
      timeoutMs: ANSWER_MS,
    });
    const { method, path, body: sent } = request;
    const content = sent === undefined ? {} : { body: sent };
    try {
      const { status, body } = await client.request(method, path, content);
      const object = (body ?? {}) as JsonObject;
      const data = (object['data'] ?? object) as JsonObject;
      return { status, data, body: object, errors: [], node: node.name };
    } catch (thrown) {
      if (!(thrown instanceof ApiError) || thrown.status >= 500 || thrown.status === 429) throw thrown;
      return { status: thrown.status, data: {}, body: {}, errors: thrown.errors, node: node.name };
    }
  }
}

/** Alike for all that went wrong in the same way. */
function reasonOf(thrown: unknown, error: CofferError): string {
  if (!(thrown instanceof ApiError)) return `no answer: ${error.message.replace(/^.*": |127[\d.:]+: /g, '')}`;
  const [first = ''] = thrown.errors;
  const text = first.replace(/\s+/g, ' ').replace(/"[^"]*"|[\w-]*\d[\w.:-]*/g, '…');
  return `${thrown.status} ${text.slice(0, REASON_LENGTH)}`;
}

/** For requests of which nobody keeps book. */
export const UNRECORDED = (): Attempt => ({ unknown: () => undefined });
