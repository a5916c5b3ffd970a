import { status } from '@grpc/grpc-js';

export { status as grpcStatus };

/** Go's names of the status codes, in the order of their numbers (grpc/grpc-go:codes/code_string.go). */
const GO_NAMES = [
  'OK',
  'Canceled',
  'Unknown',
  'InvalidArgument',
  'DeadlineExceeded',
  'NotFound',
  'AlreadyExists',
  'PermissionDenied',
  'ResourceExhausted',
  'FailedPrecondition',
  'Aborted',
  'OutOfRange',
  'Unimplemented',
  'Internal',
  'Unavailable',
  'DataLoss',
  'Unauthenticated',
] as const;

/**
 * A status of the gRPC protocol: what a service's handler throws, and what a call rejects with. It stays below the
 * contract of a plugin; a room above turns it into a CofferError.
 */
export class GrpcError extends Error {
  readonly code: status;
  /** The text as it crosses the wire; `message` is Go's form around it. */
  readonly details: string;

  constructor(code: status, details: string, options?: { cause?: unknown }) {
    super(goErrorText(code, details), options);
    this.name = 'GrpcError';
    this.code = code;
    this.details = details;
  }
}

/** The text that Go gives a status: `rpc error: code = Internal desc = ...` (grpc/grpc-go:internal/status/status.go). */
export function goErrorText(code: status, details: string): string {
  return `rpc error: code = ${GO_NAMES[code] ?? `Code(${code})`} desc = ${details}`;
}
