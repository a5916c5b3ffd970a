import { CofferError, parseDuration } from '@coffer/base';
import { type ClientOptions, RateLimit } from '@coffer/client';
import { serverFailure } from './failure.ts';
import type { Environment } from './flags.ts';
import { proxyFromEnvironment } from './proxy-environment.ts';

/**
 * What the environment says about requests that no flag does: how long, how often, how many and by way of whom. Without
 * VAULT_MAX_RETRIES nothing is sent twice: Vault's client would retry, its command line does not (vault:command/base.go Client).
 *
 * @throws CommandFailure (exit code 2) naming the variable that cannot be used
 */
export function readClientEnvironment(
  env: Environment,
): Pick<ClientOptions, 'timeoutMs' | 'retries' | 'rateLimit' | 'proxy'> {
  const read = <K extends keyof ClientOptions>(
    option: K,
    variable: string,
    parse: (text: string) => ClientOptions[K],
  ) => {
    const text = env[variable];
    const value = text ? parse(text) : undefined;
    return value === undefined ? {} : { [option]: value };
  };
  try {
    const proxy = proxyFromEnvironment(env);
    return {
      ...read(
        'timeoutMs',
        'VAULT_CLIENT_TIMEOUT',
        (text) => parseDuration(text, 'VAULT_CLIENT_TIMEOUT') * 1000 || undefined,
      ),
      ...read('retries', 'VAULT_MAX_RETRIES', parseRetries),
      ...read('rateLimit', 'VAULT_RATE_LIMIT', parseRateLimit),
      ...(proxy !== undefined && { proxy }),
    };
  } catch (thrown) {
    throw serverFailure(`failed to read environment: ${CofferError.from(thrown).message}`);
  }
}

function parseRetries(text: string): number {
  if (/^\d+$/.test(text) && Number.isSafeInteger(Number(text))) return Number(text);
  throw wrong('VAULT_MAX_RETRIES', text, 'a number of retries, such as 2');
}

/** `rate` or `rate:burst`; the burst is the whole part of the rate unless it is given (vault:api/client.go parseRateLimit). */
function parseRateLimit(text: string): RateLimit {
  const [, rate = '', burst] = /^(\d+(?:\.\d+)?)(?::(\d+))?$/.exec(text) ?? [];
  if (rate !== '') return new RateLimit(Number(rate), burst === undefined ? Math.floor(Number(rate)) : Number(burst));
  throw wrong(
    'VAULT_RATE_LIMIT',
    text,
    'requests per second, such as 10, or requests per second and burst, such as 10:20',
  );
}

function wrong(variable: string, text: string, what: string): CofferError {
  return new CofferError('invalid-request', `${variable}: invalid value ${JSON.stringify(text)}: use ${what}`);
}
