/** The HTTP edge: routes, envelope, the LIST verb, TLS listener, limits. Knows nothing of engines. */
export { BodyBudget } from './body-budget.ts';
export { createHttpEdge } from './edge.ts';
export { answerStatus, errorStatus } from './response.ts';
export { HTTP_LIMITS } from './limits.ts';
export type { HttpEdge, HttpEdgeOptions, TlsIdentity } from './edge.ts';
