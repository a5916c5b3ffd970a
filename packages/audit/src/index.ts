/** Audit devices: what a line says of a request, and how it gets into a file or to a socket. Knows neither store nor core. */
export { checkDevice, Device, type DevicePlace, type DeviceSpec } from './device.ts';
export type { DeviceOptions } from './device-options.ts';
export type { AuditedRequest, AuditedResponse, Verdict } from './event.ts';
export type { AuditedHeaders } from './headers.ts';
