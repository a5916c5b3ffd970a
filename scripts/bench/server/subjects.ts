/** The servers that are measured side by side. */
import { createClient, type Client } from '@coffer/client';
import { cofferOnFile, cofferOnPostgres } from './coffer.ts';
import { FILE, type Host, PEER, POSTGRES, type Running } from './host.ts';
import { startOpenBao } from './peer.ts';
import { type Access, prepare } from './prepare.ts';
import type { Target } from './target.ts';

/** Longer than any one request of a bench takes. */
const TIMEOUT_MS = 1_800_000;

export class Subject {
  readonly name: string;
  readonly host: Host;
  #running: Running;
  readonly access: Access;

  private constructor(host: Host, running: Running, access: Access) {
    this.name = host.name;
    this.host = host;
    this.#running = running;
    this.access = access;
  }

  static async start(host: Host, target: Target): Promise<Subject> {
    let running: Running | undefined;
    try {
      running = await host.start();
      const { address } = running;
      const client = (token: string): Client => createClient({ address, token });
      return new Subject(host, running, await prepare(client, target, host.pluginFile));
    } catch (error) {
      await running?.stop();
      await host.remove();
      throw error;
    }
  }

  get pid(): number {
    return this.#running.pid;
  }

  get place(): { readonly host: string; readonly port: number } {
    const { hostname: host, port } = new URL(this.#running.address);
    return { host, port: Number(port) };
  }

  /** With root's token, to prepare things. */
  get client(): Client {
    const { address } = this.#running;
    return createClient({ address, token: this.access.rootToken, timeoutMs: TIMEOUT_MS });
  }

  async halt(): Promise<void> {
    await this.#running.stop();
  }

  async start(): Promise<void> {
    this.#running = await this.host.start();
  }

  async stop(): Promise<void> {
    await this.#running.stop();
    await this.host.remove();
  }
}

/** Those that BENCH_SUBJECTS leaves, by a part of their names, and that there is something of on this machine. */
export async function startSubjects(target: Target, only = process.env['BENCH_SUBJECTS'] ?? ''): Promise<Subject[]> {
  const makers: Readonly<Record<string, () => Promise<Host | undefined>>> = {
    [FILE]: cofferOnFile,
    [POSTGRES]: cofferOnPostgres,
    [PEER]: startOpenBao,
  };
  const subjects: Subject[] = [];
  try {
    for (const [name, make] of Object.entries(makers)) {
      const isWanted = only.split(';').some((part) => name.includes(part));
      const host = isWanted ? await make() : undefined;
      if (host !== undefined) subjects.push(await Subject.start(host, target));
    }
    return subjects;
  } catch (error) {
    await Promise.all(subjects.map((subject) => subject.stop()));
    throw error;
  }
}
