import type { NothingDoneError, OutcomeError } from '@coffer/base';

/** The status codes of the gRPC protocol (grpc/grpc:doc/statuscodes.md). */
export const grpcStatus = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const;
export type grpcStatus = (typeof grpcStatus)[keyof typeof grpcStatus];

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
] as const satisfies readonly string[];

/** Codes that come from the transport, or from a service that gave up on the call. */
const OUTCOME_UNKNOWN: readonly grpcStatus[] = [
  grpcStatus.DEADLINE_EXCEEDED,
  grpcStatus.CANCELLED,
  grpcStatus.UNAVAILABLE,
];

/**
 * A status of the gRPC protocol: what a service's handler throws, and what a call rejects with. It stays below the
 * contract of a plugin; a room above turns it into a CofferError.
 */
export class GrpcError extends Error implements OutcomeError, NothingDoneError {
  readonly code: grpcStatus;
  /** The text as it crosses the wire; `message` is Go's form around it. */
  readonly details: string;

  constructor(code: grpcStatus, details: string, options?: { cause?: unknown }) {
    super(goErrorText(code, details), options);
    this.name = 'GrpcError';
    this.code = code;
    this.details = details;
  }

  /** Whether the service gave no answer: what it had begun may have taken effect, and may still. */
  get outcomeUnknown(): boolean {
    return OUTCOME_UNKNOWN.includes(this.code);
  }

  /** Whether the service says that nothing was done and the same may succeed later. No transport makes this status. */
  get nothingDone(): boolean {
    return this.code === grpcStatus.ABORTED;
  }
}

/** The text that Go gives a status: `rpc error: code = Internal desc = ...` (grpc/grpc-go:internal/status/status.go). */
export function goErrorText(code: grpcStatus, details: string): string {
  return `rpc error: code = ${GO_NAMES[code]} desc = ${details}`;
}
