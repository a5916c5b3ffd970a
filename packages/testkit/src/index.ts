/**
 * What tests and the demo start: a real PostgreSQL, certificates, and a proxy that makes a database fail at a chosen
 * statement or pose as a YugabyteDB cluster.
 */
export type { Rows } from './admin-query.ts';
export { createCertificateAuthority } from './certificates.ts';
export type { CertificateAuthority, CertificateRequest, IssuedCertificate } from './certificate-authority.ts';
export { documentedAdmin, dropAdmin, makeAdmin } from './documented-admin.ts';
export type { Login } from './documented-admin.ts';
export { eventually } from './eventually.ts';
export type { Patience } from './eventually.ts';
export type { Fault, FaultAction, InstalledFault } from './fault.ts';
export { freePort } from './free-port.ts';
export { ownClock } from './own-clock.ts';
export { startPosedCluster } from './posed-cluster.ts';
export type { NodeDescription, PosedCluster, PosedClusterOptions, PosedNode } from './posed-cluster.ts';
export { databaseUnderTest, startPostgres } from './postgres.ts';
export type { ServerTls, StartOptions, TestDatabase, TestPostgres } from './postgres.ts';
export { type Interleaving, Steps, steppedStore, type StoppingPoint } from './steps.ts';
export { TransitStandIn, type TransitStandInOptions } from './transit.ts';
export { startWireProxy } from './wire-proxy.ts';
export type { StatementRecord, WireProxy, WireProxyOptions } from './wire-proxy.ts';
export { ybServersFunction } from './yb-servers.ts';
export type { YbServer } from './yb-servers.ts';
