/** Audit devices: what a line says of a request, and how it gets into a file or to a socket. Knows neither store nor core. */
export { clientId } from './auth-entry.ts';
export { checkDevice, Device, type DevicePlace, type DeviceSpec, placeFault } from './device.ts';
export { isSetAside } from './log-file.ts';
export { type DeviceOptions, skipsTest } from './device-options.ts';
export type { AuditedRequest, AuditedResponse, Verdict } from './event.ts';
export type { AuditedHeaders } from './headers.ts';
