import { CofferError, type ErrorCode } from '@coffer/base';

/** What the server said about a request that it refused or failed. */
export interface ApiErrorDetails {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  /** The server's own messages, or the raw body as the only element if that was not Vault's `{"errors": []}`. */
  readonly errors: readonly string[];
  /** True when `errors` holds the raw body. */
  readonly rawBody: boolean;
  /** No token was sent. */
  readonly isAnonymous: boolean;
}

/**
 * An answer with a status outside 200..399. The message is what Vault's own client prints (openbao/openbao:api/response.go),
 * with several errors one below the other; `code` follows from the status.
 */
export class ApiError extends CofferError {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly errors: readonly string[];
  readonly isAnonymous: boolean;

  constructor(details: ApiErrorDetails) {
    super(codeOf(details), messageOf(details));
    this.name = 'ApiError';
    this.method = details.method;
    this.url = details.url;
    this.status = details.status;
    this.errors = details.errors;
    this.isAnonymous = details.isAnonymous;
  }

  /** The server is sealed: it answers nothing but its status until it is unsealed. */
  get sealed(): boolean {
    return this.code === 'sealed';
  }
}

const CODES = new Map<number, ErrorCode>([
  [400, 'invalid-request'],
  [401, 'permission-denied'],
  [403, 'permission-denied'],
  [404, 'not-found'],
  [405, 'unsupported'],
  [429, 'too-many-requests'],
  [502, 'unavailable'],
  [503, 'unavailable'],
  [504, 'unavailable'],
]);

function codeOf({ status, errors }: ApiErrorDetails): ErrorCode {
  if (status === 503 && errors.some((error) => error.includes('Vault is sealed'))) return 'sealed';
  return CODES.get(status) ?? (status >= 400 && status < 500 ? 'invalid-request' : 'failed');
}

function messageOf({ method, url, status, errors, rawBody }: ApiErrorDetails): string {
  const kind = rawBody ? 'Raw Message' : 'Errors';
  const listed = rawBody ? errors.join('\n') : errors.map((error) => `* ${error}`).join('\n');
  return `Error making API request.\n\nURL: ${method} ${url}\nCode: ${status}. ${kind}:\n\n${listed}`;
}
