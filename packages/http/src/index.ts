/** The HTTP edge: routes, envelope, the LIST verb, TLS listener, limits. Knows nothing of engines. */
export { BodyBudget } from './body-budget.ts';
export { createHttpEdge } from './edge.ts';
export { CERTIFICATE_DECODERS, type CertificateDecoder } from './forwarded-certificates.ts';
export type { ForwardedForRules } from './forwarded-for.ts';
export { InFlight } from './in-flight.ts';
export { answerStatus, errorStatus } from './response.ts';
export { HTTP_LIMITS } from './limits.ts';
export { MAX_SOCKET_PATH_BYTES, type UnixSocket } from './unix-socket.ts';
export type { HttpEdge, HttpEdgeOptions, TlsIdentity, TlsRules } from './edge.ts';
