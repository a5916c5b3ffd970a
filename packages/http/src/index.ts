/** The HTTP edge: routes, envelope, the LIST verb, TLS listener, limits. Knows nothing of engines. */
export { createHttpEdge } from './edge.ts';
export type { HttpEdge, HttpEdgeOptions, TlsIdentity } from './edge.ts';
