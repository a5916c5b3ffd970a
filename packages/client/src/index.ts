/** A typed HTTP client for Vault's API: it knows paths, the envelope and the errors, and nothing of how the server works inside. */
export { ApiError } from './api-error.ts';
export type { ApiErrorDetails } from './api-error.ts';
export { createClient } from './client.ts';
export type { ApiResponse, Client, ClientOptions, PreparedRequest, RequestContent } from './client.ts';
export type { Query } from './endpoint.ts';
export type { ProxyChoice } from './proxy.ts';
export { RateLimit } from './rate-limit.ts';
export { parseSecretResponse } from './secret-response.ts';
export type { AuthResponse, SecretResponse, WrapInfo } from './secret-response.ts';
export type { TlsOptions } from './transport.ts';
