import { lookup } from 'node:dns/promises';
import { CofferError, logInAsLibpq } from '@coffer/base';
import pg from 'pg';
import { isSocket } from '../settings/hosts.ts';
import type { ConnectionSettings } from '../settings/connection-settings.ts';
import type { Endpoint } from '../settings/hosts.ts';
import { type ConnectFailure, explainConnect } from './connect-failure.ts';
import { Failure } from './failure.ts';
import { Session } from './session.ts';
import { ReadOnlyPlaces, sessionMismatch, type Wanted } from './target-session.ts';
import { tlsOptions, type Transport, transports } from './tls.ts';

/** The events by which `pg` reports that the server asks for a credential (protocol 3.0, message R). */
const CHALLENGES = ['authenticationCleartextPassword', 'authenticationMD5Password', 'authenticationSASL'] as const;

/** How long a server may take to say anything at all, however long logging in may take. */
const LONGEST_SIGN_SECONDS = 4.5;

/** As `pg` says it (see `explainConnect`). */
const EXPIRED = 'timeout expired';

/** Seconds that the client waits beyond statement_timeout before it considers the connection dead. */
const ANSWER_GRACE_SECONDS = 5;

/** What sessions are for, and how they are made fit for that. */
export interface SessionProfile {
  /** The application_name of the next connection. */
  applicationName(): string;
  /**
   * The message that makes a session's settings ours. It may ask the session something first.
   *
   * @throws Failure, CofferError when there is none for this session
   */
  ourSettings(session: Session): string | Promise<string>;
  /** Longer answers are not read, and end the session. */
  readonly longestAnswerBytes: number;
  /** How values are read. Default: as `pg` does. */
  readonly types?: pg.CustomTypesConfig;
  /** See {@link Session.onAnswer}. */
  readonly onAnswer?: (ms: number) => void;
}

export interface ConnectOptions {
  /** What the session must be. Default: as the settings say. */
  readonly wanted?: Wanted | undefined;
  /** Gets the addresses that take no writes any more; they are tried last. */
  readonly readOnly?: ReadOnlyPlaces | undefined;
  /** Called when the server has answered anything. */
  readonly onSign?: (() => void) | undefined;
}

/**
 * Opens one connection to `target`, trying each address of the host in turn, and each transport that sslmode allows. An
 * address that is not what is wanted is passed over.
 *
 * @throws Failure `unreachable` or `busy` if another node may do better, otherwise `fatal`; CofferError `invalid-request` for
 *   TLS files that cannot be used
 */
export async function connect(
  settings: ConnectionSettings,
  profile: SessionProfile,
  target: Endpoint,
  database: string,
  { wanted = settings.targetSession, readOnly = new ReadOnlyPlaces(), onSign = () => undefined }: ConnectOptions = {},
): Promise<Session> {
  let last: Failure | CofferError = new Failure('unreachable', 'no such host');
  const keyOf = (address: string): string => `${address}:${target.port}`;
  for (const address of readOnly.last(await resolve(settings, target), keyOf)) {
    const sought = { ...settings, targetSession: wanted };
    const result = await connectAddress({ settings: sought, profile, target, address, database, onSign });
    if (result instanceof Session) {
      result.whenReadOnly(() => readOnly.add(keyOf(address)));
      return result;
    }
    // That it is not what was wanted says more than that another address is away.
    if (!result.otherNode || !(last instanceof Failure && last.unwanted)) last = result.failure;
    if (!result.otherNode) break;
  }
  throw withTarget(last, settings, target, database);
}

/** As in pgx, the message says where we tried to connect. */
function withTarget(
  failure: Failure | CofferError,
  settings: ConnectionSettings,
  target: Endpoint,
  database: string,
): Error {
  if (failure instanceof CofferError) return failure;
  return failure.during(
    `failed to connect to host=${target.host} port=${target.port} user=${settings.username} database=${database}`,
  );
}

/** Resolved here and not by `pg`, which would override the TLS server name if it were given a host name. */
export async function resolve(settings: ConnectionSettings, target: Endpoint): Promise<readonly string[]> {
  if (isSocket(target.host)) return [target.host];
  try {
    return (await lookup(target.host, { all: true })).map((entry) => entry.address);
  } catch (error) {
    throw withTarget(
      explainConnect(error, settings, target.host, 'plain').failure,
      settings,
      target,
      settings.database,
    );
  }
}

/** One address to connect to, and what for. */
interface Attempt {
  readonly settings: ConnectionSettings;
  readonly profile: SessionProfile;
  readonly target: Endpoint;
  readonly address: string;
  readonly database: string;
  readonly onSign: () => void;
}

async function connectAddress(at: Attempt): Promise<Session | ConnectFailure> {
  const [first, second] = transports(at.settings.tls.mode, at.target.host);
  const result = await attempt(at, first);
  if (result instanceof Session || second === undefined || !result.otherTransport) return result;
  const other = await attempt(at, second);
  if (other instanceof Session) return other;
  return tellsMore(first, result, other);
}

/** Which failure to report when both transports failed: not the one that just says the other transport is refused. */
function tellsMore(first: Transport, result: ConnectFailure, other: ConnectFailure): ConnectFailure {
  if (/does not support SSL/.test(other.failure.message)) return result;
  const plainIsRefused = first === 'tls' && other.failure instanceof Failure && other.failure.sqlstate === '28000';
  return plainIsRefused && !/does not support SSL/.test(result.failure.message) ? result : other;
}

async function attempt(at: Attempt, transport: Transport): Promise<Session | ConnectFailure> {
  try {
    return await open(at, transport);
  } catch (error) {
    return explainConnect(error, at.settings, at.target.host, transport);
  }
}

/** A node that is there shows it soon, even when logging in takes its time. In milliseconds. */
export function signPatienceMs({ connectTimeoutSeconds }: ConnectionSettings): number {
  return Math.min(LONGEST_SIGN_SECONDS, connectTimeoutSeconds) * 1000;
}

async function open(at: Attempt, transport: Transport): Promise<Session> {
  const { settings, profile, target, address, database, onSign } = at;
  const { client, applicationName } = await createClient(settings, profile, target, address, database, transport);
  const session = new Session(client, { applicationName, database, host: target.host, address, port: target.port });
  const asked = watchForChallenge(client);
  try {
    await withinPatience(settings, client, onSign, async () => {
      await client.connect();
      session.askedForPassword = asked();
      session.boundAnswers(profile.longestAnswerBytes);
      const mismatch = await sessionMismatch(session, settings.targetSession);
      if (mismatch !== undefined) throw new Failure('busy', mismatch, { unwanted: true });
      session.onAnswer = profile.onAnswer;
      session.ourSettings = await profile.ourSettings(session);
      await applySettings(session);
    });
  } catch (error) {
    session.destroy();
    throw error;
  }
  return session;
}

/**
 * Runs `work`, which connects `client` and may ask it something then. Drops it when the server gives no sign in time, or when
 * all of it takes longer than connect_timeout: a pooler lets everybody in, and then waits for a server process.
 *
 * @throws what `work` rejects with, or why it was dropped
 */
export async function withinPatience<T>(
  settings: ConnectionSettings,
  { connection }: pg.Client,
  onSign: () => void,
  work: () => Promise<T>,
): Promise<T> {
  const connectMs = settings.connectTimeoutSeconds * 1000;
  const patience = signPatienceMs(settings);
  let why: Error | undefined;
  // The stream is another one after TLS has been started.
  const giveUp = (text: string): unknown => connection.stream.destroy((why = new Error(text)));
  const noSign = setTimeout(giveUp, patience, patience < connectMs ? `no answer in ${patience / 1000} s` : EXPIRED);
  const noEnd = setTimeout(giveUp, connectMs, EXPIRED);
  connection.stream.once('data', () => {
    clearTimeout(noSign);
    onSign();
  });
  try {
    return await work();
  } catch (error) {
    throw why ?? error;
  } finally {
    clearTimeout(noSign);
    clearTimeout(noEnd);
  }
}

/** How often the settings are sent on one connection before we give up. */
const SETTINGS_ATTEMPTS = 3;

/**
 * With SQL and not in the startup message, because poolers and the YSQL Connection Manager do not pass on every startup
 * parameter. The conflict (40001) that a cluster answers while its catalog changes is gone at the next try.
 */
async function applySettings(session: Session): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await session.query(session.ourSettings);
      return;
    } catch (error) {
      if (!(error instanceof Failure) || error.kind !== 'conflict' || attempt === SETTINGS_ATTEMPTS) throw error;
    }
  }
}

/** Call it before `client` connects; the function it returns says whether the server has asked for a password. */
export function watchForChallenge({ connection }: pg.Client): () => boolean {
  let asked = false;
  for (const name of CHALLENGES) connection.once(name, () => (asked = true));
  return () => asked;
}

/** A client that is not connected yet. */
export async function createClient(
  settings: ConnectionSettings,
  profile: SessionProfile,
  target: Endpoint,
  address: string,
  database: string,
  transport: Transport,
): Promise<{ client: pg.Client; applicationName: string }> {
  const applicationName = profile.applicationName();
  const timeout = settings.statementTimeoutSeconds;
  const options = startupOptions(settings.parameters);
  const client = new pg.Client({
    host: address,
    port: target.port,
    user: settings.username,
    // A function, so that `pg` never falls back to PGPASSWORD or a .pgpass file.
    password: () => settings.password.reveal(),
    database,
    application_name: applicationName,
    client_encoding: 'UTF8',
    sslnegotiation: 'postgres',
    ssl: transport === 'tls' ? await tlsOptions(settings.tls, target.host) : false,
    connectionTimeoutMillis: settings.connectTimeoutSeconds * 1000,
    keepAlive: true,
    // Statements are sent as they come and not one by one; only Session.pipeline ever sends a second one.
    pipeline: true,
    ...(timeout > 0 && { statement_timeout: timeout * 1000, query_timeout: (timeout + ANSWER_GRACE_SECONDS) * 1000 }),
    ...(options !== '' && { options }),
    ...(profile.types !== undefined && { types: profile.types }),
  });
  logInAsLibpq(client, () => settings.password.reveal());
  return { client, applicationName };
}

/** PostgreSQL's `options`: space separated, backslash escapes (postgres:src/backend/utils/init/postinit.c). */
function startupOptions(parameters: Readonly<Record<string, string>>): string {
  return Object.entries(parameters)
    .map(([name, value]) => (name === 'options' ? value : `-c ${name}=${value.replace(/[\\\s]/g, '\\$&')}`))
    .join(' ');
}
