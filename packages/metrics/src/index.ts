/** Counts what happens, and shows it as Prometheus and as Vault's API do. */
export { watchProcess } from './process-gauges.ts';
export { Registry, type RegistryOptions } from './registry.ts';
