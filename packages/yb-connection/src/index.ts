/**
 * Connections to a YugabyteDB cluster or to PostgreSQL servers: their settings, the nodes of the cluster and which of them to
 * connect to, and a pool. What is said over a connection is up to others.
 */
export * from './cluster/cluster.ts';
export * from './cluster/connections.ts';
export { SEARCH_MS } from './cluster/race.ts';
export * from './cluster/session-pool.ts';
export type { Dial } from './cluster/node-dialer.ts';
export type { ClusterNode } from './cluster/topology.ts';
export * from './session/connect.ts';
export * from './session/connect-failure.ts';
export * from './session/failure.ts';
export * from './session/knock.ts';
export * from './session/request.ts';
export * from './session/session.ts';
export * from './session/target-session.ts';
export { kindsOf } from './session/traced-statements.ts';
export { type Transport, transports } from './session/tls.ts';
export * from './settings/connection-fields.ts';
export * from './settings/connection-settings.ts';
export * from './settings/contradictions.ts';
export type { Endpoint } from './settings/hosts.ts';
export * from './settings/session-settings.ts';
export * from './settings/settings-url.ts';
export * from './settings/values.ts';
