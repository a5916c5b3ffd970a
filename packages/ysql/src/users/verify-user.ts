import { isCofferError, type Secret } from '@coffer/base';
import type { LoginAnswer } from '@coffer/database-plugin';
import pg from 'pg';
import {
  createClient,
  type Endpoint,
  explainConnect,
  Failure,
  knock,
  resolve,
  SEARCH_MS,
  sessionMismatch,
  type Transport,
  transports,
  watchForChallenge,
  withinPatience,
  WRONG_PASSWORD,
} from '@coffer/yb-connection';
import type { Access } from '../ddl/access.ts';
import { retry } from '../ddl/retry.ts';
import { sessionProfile } from '../ddl/session-profile.ts';
import type { YsqlSettings } from '../settings/settings.ts';
import { findRole } from './find-role.ts';

/** Who does not answer a knock for so long is asked after the others. */
const ANSWER_MS = 500;

/**
 * Logs in as somebody else, over a connection of its own that is closed at once, and says what the server made of the password.
 * If the server refuses the login after it has accepted the password (no such database, no CONNECT privilege, too many
 * connections for the role), that counts as accepted. A password is tried only once, because login profiles count failures.
 *
 * @throws Failure if no server answered, or it refused the login before looking at the password (NOLOGIN, pg_hba.conf)
 */
export async function verifyUser(access: Access, username: string, password: Secret): Promise<LoginAnswer> {
  const settings: YsqlSettings = { ...access.settings, username, password };
  try {
    return await retry('verifying a login', access, () =>
      access.cluster.lookAround((places) => logInSomewhere(settings, places)),
    );
  } catch (error) {
    // With trust in pg_hba.conf, a server says that a role does not exist instead of refusing its password.
    const unclear = error instanceof Failure && error.sqlstate === '28000';
    if (unclear && (await findRole(access, username)) === undefined) return 'refused';
    throw error;
  }
}

/** The same places, with those at the end that do not even say at once that they are there. */
async function thoseWhoAnswerFirst(places: readonly Endpoint[], begin: number): Promise<readonly Endpoint[]> {
  if (places.length === 1) return places;
  for (const [at, place] of places.entries()) {
    if (Date.now() - begin >= SEARCH_MS) break;
    if (await knock(place.host, place.port, ANSWER_MS)) return [...places.slice(at), ...places.slice(0, at)];
  }
  return places;
}

/**
 * The first place that answers has the final say. With target_session_attrs it is the first that is so, which only a login shows:
 * a refusal by another counts when no later one takes the password, as a standby may not know it yet.
 */
async function logInSomewhere(settings: YsqlSettings, places: readonly Endpoint[]): Promise<LoginAnswer> {
  let last: unknown = new Failure('unreachable', 'no such host');
  let refused = false;
  const begin = Date.now();
  for (const [at, place] of (await thoseWhoAnswerFirst(places, begin)).entries()) {
    if (at > 0 && Date.now() - begin >= SEARCH_MS) break;
    try {
      const answer = await logInAt(settings, place);
      if (answer !== 'refused' || !mayDiffer(settings)) return answer;
      refused = true;
    } catch (error) {
      if (!(error instanceof Failure) || (error.kind === 'fatal' && !error.ofNode)) throw error;
      last = error;
    }
  }
  if (refused) return 'refused';
  throw last;
}

/** Whether another of the hosts may be the one whose answer counts. */
function mayDiffer({ targetSession }: YsqlSettings): boolean {
  return targetSession !== undefined && targetSession !== 'any';
}

async function logInAt(settings: YsqlSettings, target: Endpoint): Promise<LoginAnswer> {
  let last: Error = new Failure('unreachable', 'no such host');
  let refused = false;
  for (const address of await resolve(settings, target)) {
    for (const transport of transports(settings.tls.mode, target.host)) {
      if (transport === undefined) continue;
      const attempt = await tryLogin(settings, target, address, transport);
      if (attempt === 'refused' && mayDiffer(settings)) {
        refused = true;
        break;
      }
      if (typeof attempt === 'string') return attempt;
      last = attempt.failure;
      if (!attempt.otherTransport && !attempt.otherNode) throw during(last, settings, target);
      if (!attempt.otherTransport) break;
    }
  }
  if (refused) return 'refused';
  throw during(last, settings, target);
}

function during(error: Error, { username, database }: YsqlSettings, { host, port }: Endpoint): Error {
  if (isCofferError(error) || !(error instanceof Failure)) return error;
  return error.during(`failed to log in to host=${host} port=${port} user=${username} database=${database}`);
}

async function tryLogin(
  settings: YsqlSettings,
  target: Endpoint,
  address: string,
  transport: Transport,
): Promise<LoginAnswer | ReturnType<typeof explainConnect>> {
  let asked = (): boolean => false;
  let taken = false;
  let client: pg.Client | undefined;
  try {
    ({ client } = await createClient(
      settings,
      sessionProfile(settings),
      target,
      address,
      settings.database,
      transport,
    ));
    client.on('error', () => undefined);
    asked = watchForChallenge(client);
    client.connection.once('authenticationOk', () => (taken = asked()));
    const made = client;
    const mismatch = await withinPatience(
      settings,
      made,
      () => undefined,
      async () => {
        await made.connect();
        return await sessionMismatch(made, settings.targetSession);
      },
    );
    if (mismatch !== undefined) {
      return { failure: new Failure('busy', mismatch), otherTransport: false, otherNode: true };
    }
  } catch (error) {
    // Also the answer for an expired VALID UNTIL and, if a password is asked for, for an unknown role.
    if (error instanceof pg.DatabaseError && error.code === WRONG_PASSWORD) return 'refused';
    if (!taken) return explainConnect(error, settings, target.host, transport);
  } finally {
    client?.connection.stream.destroy();
  }
  return asked() ? 'accepted' : 'trusted';
}
