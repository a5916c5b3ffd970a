/** The HTTP edge: routes, envelope, the LIST verb, TLS listener, limits. Knows nothing of engines. */
export { BodyBudget } from './body-budget.ts';
export { createHttpEdge, HTTP_LIMITS } from './edge.ts';
export type { HttpEdge, HttpEdgeOptions, TlsIdentity } from './edge.ts';
