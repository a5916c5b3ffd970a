import type { Span, SpanDescription, SpanEnd, Tracer } from '@coffer/base';
import { type Context, ROOT_CONTEXT, type Span as SdkSpan, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import type { Tracer as ApiTracer } from '@opentelemetry/api';
import { parseTraceParent } from '@opentelemetry/core';

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

/** The tracer of OpenTelemetry's SDK, as base wants it. */
export class SdkTracer implements Tracer {
  readonly #tracer: ApiTracer;

  constructor(tracer: ApiTracer) {
    this.#tracer = tracer;
  }

  /** Neither `tracestate` nor `baggage` is taken: nobody here needs them, and a client could send anything to the collector. */
  begin(description: SpanDescription, traceparent?: string): Span | undefined {
    const parent = traceparent === undefined ? null : parseTraceParent(traceparent);
    const context = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, { ...parent, isRemote: true });
    const span = this.start(description, context);
    return span.isRecording() ? new RecordedSpan(this, span) : undefined;
  }

  start({ name, kind = 'internal', attributes = {} }: SpanDescription, context: Context): SdkSpan {
    return this.#tracer.startSpan(name, { kind: KINDS[kind], attributes }, context);
  }
}

class RecordedSpan implements Span {
  readonly #tracer: SdkTracer;
  readonly #span: SdkSpan;

  constructor(tracer: SdkTracer, span: SdkSpan) {
    this.#tracer = tracer;
    this.#span = span;
  }

  child(description: SpanDescription): Span {
    return new RecordedSpan(this.#tracer, this.#tracer.start(description, trace.setSpan(ROOT_CONTEXT, this.#span)));
  }

  rename(name: string): void {
    this.#span.updateName(name);
  }

  set(attributes: NonNullable<SpanDescription['attributes']>): void {
    this.#span.setAttributes(attributes);
  }

  end({ failure, attributes }: SpanEnd): void {
    if (attributes !== undefined) this.#span.setAttributes(attributes);
    if (failure !== undefined) {
      this.#span.setAttribute('error.type', failure);
      // Without a message, which could say what was sent.
      this.#span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span.end();
  }
}
