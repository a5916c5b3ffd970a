import { AsyncLocalStorage } from 'node:async_hooks';
import { CofferError } from './error.ts';

/** Must hold nothing that came with a request, and nothing that is answered: what is traced leaves the server. */
export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanDescription {
  /** Of a small number of names: what is done, not to what. */
  readonly name: string;
  /** `client`: somebody else is asked, and waited for. Default `internal`. */
  readonly kind?: 'server' | 'client' | 'internal';
  readonly attributes?: SpanAttributes;
}

export interface RequestDescription {
  /** The pattern of its path, one of a small number: `/v1/database/creds/:name`. */
  readonly route?: string;
  readonly attributes?: SpanAttributes;
}

/** How a piece of work ended. */
export interface SpanEnd {
  /** The class of the failure; absent where all is well. */
  readonly failure?: string;
  readonly attributes?: SpanAttributes;
}

/** One piece of work in a trace: an OpenTelemetry span. None of its methods throws. */
export interface Span {
  child(description: SpanDescription): Span;
  rename(name: string): void;
  set(attributes: SpanAttributes): void;
  end(end: SpanEnd): void;
}

/** Takes the traces of requests. */
export interface Tracer {
  /**
   * Begins the first span of a trace, or of our part of one: `traceparent` is the header of that name (W3C Trace Context), which
   * may be anything. Undefined: this request is not to be traced.
   */
  begin(description: SpanDescription, traceparent?: string): Span | undefined;
}

/** A request may do the same thing thousands of times; what it did first is enough to see that. */
const MOST_SPANS = 1000;

/** What is traced of one request. */
class Trace {
  readonly root: Span;
  readonly #name: string;
  #over = false;
  #spans = 0;
  #leftOut = 0;

  constructor(root: Span, name: string) {
    this.root = root;
    this.#name = name;
  }

  describe({ route, attributes = {} }: RequestDescription): void {
    if (this.#over) return;
    if (route !== undefined) this.root.rename(`${this.#name} ${route}`);
    this.root.set({ ...attributes, ...(route !== undefined && { 'http.route': route }) });
  }

  /** Undefined when there are enough, or the request is over: what it has started may go on for as long as the server runs. */
  child(parent: Span, describe: () => SpanDescription): Span | undefined {
    if (this.#over) return undefined;
    if (this.#spans < MOST_SPANS) {
      this.#spans++;
      return parent.child(describe());
    }
    this.#leftOut++;
    return undefined;
  }

  end(end: SpanEnd): void {
    this.#over = true;
    if (this.#leftOut > 0) this.root.set({ 'coffer.spans_left_out': this.#leftOut });
    this.root.end(end);
  }
}

const current = new AsyncLocalStorage<{ readonly trace: Trace; readonly span: Span } | undefined>();

/** Runs `work`, and traces what it does, until it is over. `outcome` is asked then. Without a tracer nothing is done but `work`. */
export async function tracedRequest(
  tracer: Tracer | undefined,
  description: SpanDescription & { readonly traceparent?: string | undefined },
  work: () => Promise<void>,
  outcome: () => SpanEnd,
): Promise<void> {
  const root = tracer?.begin(description, description.traceparent);
  if (root === undefined) return work();
  const trace = new Trace(root, description.name);
  try {
    await current.run({ trace, span: root }, work);
  } finally {
    trace.end(outcome());
  }
}

/**
 * Runs `work` as a span of the request that it is done for. Where nothing is traced, all that this costs is to find that out.
 * `outcome` tells the end of work that resolves with its failures.
 */
export function traced<T>(
  describe: () => SpanDescription,
  work: () => Promise<T>,
  outcome?: (result: T) => SpanEnd,
): Promise<T> {
  const parent = current.getStore();
  if (parent === undefined) return work();
  const span = parent.trace.child(parent.span, describe);
  if (span === undefined) return work();
  return ended(span, current.run({ trace: parent.trace, span }, work), outcome);
}

async function ended<T>(span: Span, work: Promise<T>, outcome?: (result: T) => SpanEnd): Promise<T> {
  let end: SpanEnd = { failure: 'error' };
  try {
    const result = await work;
    end = outcome?.(result) ?? {};
    return result;
  } catch (error) {
    end = { failure: error instanceof CofferError ? error.code : 'error' };
    throw error;
  } finally {
    span.end(end);
  }
}

/** Says of the whole request what is only known now. */
export function describeRequest(describe: () => RequestDescription): void {
  current.getStore()?.trace.describe(describe());
}
