import { constants } from 'node:http2';
import { GrpcError, grpcStatus } from './grpc-error.ts';

/** What a call's headers and trailers may hold, as node:http2 gives them. */
export type HeaderValues = Readonly<Record<string, string | string[] | number | undefined>>;

export const CONTENT_TYPE = 'application/grpc';

/** Also `application/grpc+proto` and parameters; any other suffix names a codec that is not supported here. */
export function isGrpcContentType(value: HeaderValues[string]): boolean {
  return typeof value === 'string' && /^application\/grpc(?:\+proto)?(?:;|$)/i.test(value);
}

/** The end of a call as headers: trailers after a message, or, for a failed call, the only headers. */
export function statusHeaders(code: grpcStatus, details: string): Record<string, string> {
  return { 'grpc-status': String(code), ...(details !== '' && { 'grpc-message': encodeStatusMessage(details) }) };
}

/** The status in headers or trailers; undefined when there is none. An unrecognised one is UNKNOWN, as gRPC demands. */
export function readStatus(headers: HeaderValues): { code: grpcStatus; details: string } | undefined {
  const value = headers['grpc-status'];
  if (typeof value !== 'string') return undefined;
  const known = Object.values(grpcStatus).find((code) => String(code) === value.trim());
  const message = headers['grpc-message'];
  const details = typeof message === 'string' ? decodeStatusMessage(message) : '';
  return { code: known ?? grpcStatus.UNKNOWN, details };
}

/** Printable ASCII but for the percent sign stays as it is, every other byte of UTF-8 becomes `%XX`. */
export function encodeStatusMessage(text: string): string {
  const wellFormed = text.toWellFormed();
  return wellFormed.replace(/[^\x20-\x24\x26-\x7e]+/g, (run) =>
    Buffer.from(run, 'utf8').reduce((all, byte) => `${all}%${byte.toString(16).toUpperCase().padStart(2, '0')}`, ''),
  );
}

/**
 * Never fails: anything but an escape stays as it is (grpc/grpc:doc/PROTOCOL-HTTP2.md demands that nothing is lost).
 */
export function decodeStatusMessage(text: string): string {
  return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'));
}

const UNIT_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };
/** The protocol allows eight digits. */
const LARGEST_TIMEOUT = 99_999_999;

/** `grpc-timeout` in milliseconds; undefined without one. @throws GrpcError INTERNAL when it is malformed */
export function readTimeout(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const [, digits, unit = ''] = /^(\d{1,8})([HMSmun])$/.exec(value) ?? [];
  const unitMs = UNIT_MS[unit];
  if (unitMs === undefined) throw new GrpcError(grpcStatus.INTERNAL, `malformed grpc-timeout: ${value.slice(0, 20)}`);
  return Number(digits) * unitMs;
}

export function formatTimeout(timeoutMs: number): string {
  const whole = Math.max(0, Math.ceil(timeoutMs));
  if (whole <= LARGEST_TIMEOUT) return `${whole}m`;
  return `${Math.min(LARGEST_TIMEOUT, Math.ceil(whole / 1000))}S`;
}

/** What an answer of HTTP alone means (grpc/grpc:doc/http-grpc-status-mapping.md). */
export function statusOfHttp(httpStatus: number): grpcStatus {
  if (httpStatus === 401) return grpcStatus.UNAUTHENTICATED;
  if (httpStatus === 403) return grpcStatus.PERMISSION_DENIED;
  if ([429, 502, 503, 504].includes(httpStatus)) return grpcStatus.UNAVAILABLE;
  return grpcStatus.UNKNOWN;
}

/** What a reset of a stream means (grpc/grpc:doc/PROTOCOL-HTTP2.md, Errors), where it means more than "unknown". */
export function statusOfReset(http2Code: number): grpcStatus {
  if (http2Code === constants.NGHTTP2_REFUSED_STREAM) return grpcStatus.UNAVAILABLE;
  if (http2Code === constants.NGHTTP2_CANCEL) return grpcStatus.CANCELLED;
  if (http2Code === constants.NGHTTP2_ENHANCE_YOUR_CALM) return grpcStatus.RESOURCE_EXHAUSTED;
  return grpcStatus.UNKNOWN;
}

/** The headers of a call, by lower-case key. */
export interface RequestMetadata {
  get(key: string): readonly (string | Buffer)[];
}

/**
 * Metadata from headers as they came, name after value: node:http2 joins what came twice, and a host that sends two
 * values where only one is allowed must get an error.
 */
export function readMetadata(rawHeaders: readonly string[]): RequestMetadata {
  return {
    get(key) {
      const found: string[] = [];
      for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i] === key) found.push(rawHeaders[i + 1] ?? '');
      // Binary values may share one header, comma separated, and have no padding.
      if (!key.endsWith('-bin')) return found;
      return found.flatMap((value) => value.split(',')).map((value) => Buffer.from(value, 'base64'));
    },
  };
}
