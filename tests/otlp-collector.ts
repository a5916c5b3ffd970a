/** A collector for traces, as OpenTelemetry's would take them: OTLP over HTTP, both encodings, read with no code of its SDK. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

export type AttributeValue = string | number | boolean;

export interface CollectedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first of its trace. */
  readonly parentSpanId: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  /** 2 for a failure. */
  readonly status: number;
  readonly attributes: Readonly<Record<string, AttributeValue>>;
  readonly resource: Readonly<Record<string, AttributeValue>>;
}

export interface Collector {
  readonly url: string;
  readonly spans: CollectedSpan[];
  /** Everything that came, to look for what must not be in it. */
  readonly bodies: Buffer[];
  readonly requests: { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  /** What it answers with from now on; `silence` answers nothing. */
  answer: number | 'silence';
  close(): void;
}

export async function startCollector(port = 0): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  const bodies: Buffer[] = [];
  const requests: Collector['requests'] = [];
  const server = createServer((request, response) => {
    const take = async (): Promise<void> => {
      const sent = await buffer(request);
      const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
      bodies.push(body);
      requests.push({ path: request.url ?? '', headers: request.headers });
      if (collector.answer === 'silence') return;
      const isJson = request.headers['content-type'] === 'application/json';
      if (collector.answer === 200) spans.push(...(isJson ? fromJson(body) : fromProtobuf(body)));
      response.writeHead(collector.answer).end('a collector that says something about what it got');
    };
    take().catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  const collector: Collector = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    requests,
    answer: 200,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
  return collector;
}

interface JsonAttribute {
  readonly key: string;
  readonly value: { stringValue?: string; boolValue?: boolean; intValue?: number | string; doubleValue?: number };
}
interface JsonSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly status: { readonly code?: number };
  readonly attributes: readonly JsonAttribute[];
}
interface JsonTraces {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly JsonAttribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly JsonSpan[] }[];
  }[];
}

function fromJson(body: Buffer): CollectedSpan[] {
  const { resourceSpans } = JSON.parse(body.toString()) as JsonTraces;
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ status, attributes, parentSpanId = '', ...rest }) => ({
        ...rest,
        parentSpanId,
        status: status.code ?? 0,
        attributes: ofJson(attributes),
        resource: ofJson(resource.attributes),
      })),
    ),
  );
}

function ofJson(attributes: readonly JsonAttribute[]): Record<string, AttributeValue> {
  return Object.fromEntries(
    attributes.map(({ key, value: { stringValue, boolValue, intValue, doubleValue } }) => [
      key,
      stringValue ?? boolValue ?? (intValue === undefined ? doubleValue : Number(intValue)) ?? '',
    ]),
  );
}

type Fields = ReadonlyMap<number, readonly (Uint8Array | number)[]>;

/**
 * The fields of a message, by number (open-telemetry/opentelemetry-proto:opentelemetry/proto/trace/v1/trace.proto). Of the wire
 * types of protobuf, fixed ones (1 and 5) are times and flags, at which nobody looks here.
 */
function fieldsOf(bytes: Uint8Array): Fields {
  const fields = new Map<number, (Uint8Array | number)[]>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  const take = (length: number): Uint8Array => bytes.subarray(at, (at += length));
  while (at < bytes.length) {
    const tag = varint();
    const type = tag % 8;
    const value = type === 0 ? varint() : take(type === 1 ? 8 : type === 5 ? 4 : varint());
    const number = Math.floor(tag / 8);
    fields.set(number, [...(fields.get(number) ?? []), value]);
  }
  return fields;
}

const messages = (fields: Fields, number: number): readonly Uint8Array[] =>
  (fields.get(number) ?? []).filter((value) => typeof value !== 'number');
const bytesOf = (fields: Fields, number: number): Buffer => Buffer.from(messages(fields, number)[0] ?? []);
const numberOf = (fields: Fields, number: number): number => Number(fields.get(number)?.[0] ?? 0);

function fromProtobuf(body: Buffer): CollectedSpan[] {
  return messages(fieldsOf(body), 1)
    .map(fieldsOf)
    .flatMap((resourceSpans) => {
      const resource = ofProtobuf(fieldsOf(bytesOf(resourceSpans, 1)), 1);
      return messages(resourceSpans, 2)
        .flatMap((scopeSpans) => messages(fieldsOf(scopeSpans), 2))
        .map(fieldsOf)
        .map((span) => ({
          name: bytesOf(span, 5).toString(),
          traceId: bytesOf(span, 1).toString('hex'),
          spanId: bytesOf(span, 2).toString('hex'),
          parentSpanId: bytesOf(span, 4).toString('hex'),
          kind: numberOf(span, 6),
          status: numberOf(fieldsOf(bytesOf(span, 15)), 3),
          attributes: ofProtobuf(span, 9),
          resource,
        }));
    });
}

function ofProtobuf(fields: Fields, number: number): Record<string, AttributeValue> {
  return Object.fromEntries(
    messages(fields, number)
      .map(fieldsOf)
      .map((attribute) => {
        const value = fieldsOf(bytesOf(attribute, 2));
        const [boolean] = value.get(2) ?? [];
        const known = value.has(1) ? bytesOf(value, 1).toString() : numberOf(value, 3);
        return [bytesOf(attribute, 1).toString(), boolean === undefined ? known : boolean === 1];
      }),
  );
}

/** The names of the spans above one, from the first of its trace down to itself. */
export function pathTo(spans: readonly CollectedSpan[], span: CollectedSpan): string[] {
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [...(parent === undefined ? [] : pathTo(spans, parent)), span.name];
}
