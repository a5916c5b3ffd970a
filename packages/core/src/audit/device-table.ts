import { randomBytes } from 'node:crypto';
import { Device, type DeviceOptions, type DevicePlace, skipsTest } from '@coffer/audit';
import { CofferError, errorText, type Logger } from '@coffer/base';
import { type EntryStorage, stored } from '@coffer/framework';

/** A device as it is shown. */
export interface DeviceEntry {
  readonly type: string;
  readonly description: string;
  readonly local: boolean;
  readonly options: DeviceOptions;
}

/** One that the configuration of this node names. `path`: `file/`. */
export interface ConfiguredDevice extends DeviceEntry {
  readonly path: string;
}

interface StoredDevice extends DeviceEntry {
  /** The key of its hashes. Each device has its own, so that a value cannot be followed from one log to the next. */
  readonly salt: string;
}

/** A device that gets every line. */
export interface OpenDevice {
  readonly path: string;
  readonly entry: StoredDevice;
  readonly isConfigured: boolean;
  /** Undefined where its options cannot be used: it then counts as one that fails. */
  readonly device: Device | undefined;
}

export interface DeviceTableOptions {
  readonly storage: EntryStorage;
  /** Those of this node's configuration as it is now. */
  readonly configured: () => readonly ConfiguredDevice[];
  readonly place: DevicePlace;
  /** Brings this node up to date with what it has written itself. */
  readonly catchUp: () => Promise<void>;
  readonly logger: Logger;
}

const { boolean, entry, string, stringMap } = stored;
const DEVICE = entry<StoredDevice>({
  type: string(),
  description: string(),
  local: boolean(),
  options: stringMap(),
  salt: string(),
});
const SALT = entry<{ readonly salt: string }>({ salt: string() });

/** Each of them costs every request. */
const MOST_DEVICES = 32;
const LONGEST_OPTION = 4096;

/**
 * The devices of this node: those in the store, which are the same on every node, and those of its configuration. The salts
 * of the latter are in the store too, by path, so that a hash means the same on every node.
 */
export class DeviceTable {
  readonly #options: DeviceTableOptions;
  #open: readonly OpenDevice[] = [];
  /** One change of what is open at a time. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: DeviceTableOptions) {
    this.#options = options;
  }

  /** Sorted by path. */
  get devices(): readonly OpenDevice[] {
    return this.#open;
  }

  find(path: string): OpenDevice | undefined {
    return this.#open.find((each) => each.path === path);
  }

  /** Opens what is new, by the store or by the configuration, and closes what is gone. */
  load(): Promise<void> {
    return this.#inTurn(async () => {
      const configured = await this.#readConfigured();
      const taken = new Set(configured.map(({ path }) => path));
      const saved = await this.#readStored();
      for (const { path } of saved) {
        if (taken.has(path))
          this.#options.logger.error('an audit device in the configuration replaces one enabled through the API', {
            path,
          });
      }
      const wanted = [...configured, ...saved.filter(({ path }) => !taken.has(path))];
      const before = this.#open;
      this.#open = wanted.map((each) => this.#kept(each) ?? this.#opened(each)).sort(byPath);
      // Requests wait for this, and nobody needs the end of what is gone.
      const gone = before.filter((each) => !this.#open.includes(each));
      for (const { device } of gone) device?.close().catch(() => undefined);
    });
  }

  /**
   * Adds a device to every node, after it has taken a line here.
   * @throws CofferError `invalid-request` in Vault's words
   */
  async enable(path: string, device: DeviceEntry): Promise<void> {
    if (this.#open.some((each) => each.path.startsWith(path) || path.startsWith(each.path)))
      throw refusal('path already in use');
    if (this.#open.length >= MOST_DEVICES) throw refusal(`there are ${MOST_DEVICES} devices already`);
    const long = Object.keys(device.options).find((name) => (device.options[name] ?? '').length > LONGEST_OPTION);
    if (long !== undefined) throw refusal(`option "${long}" is longer than ${LONGEST_OPTION} characters`);
    const entry = { ...device, salt: newSalt() };
    const { place, storage, logger, catchUp } = this.#options;
    const isTrusted = refused(() => skipsTest(entry.options));
    const tried = refused(() => new Device(entry, place));
    try {
      // What can never be written is refused all the same, as by Vault, which opens files when it makes a device.
      await (isTrusted ? tried.reopen() : tried.logTest());
    } catch (error) {
      logger.error('new audit backend failed test', { path, type: entry.type, error: errorText(error) });
      throw refusal(`audit backend failed test message: ${errorText(error)}`);
    } finally {
      await tried.close();
    }
    if (!(await storage.kept(DEVICES, DEVICE).add(path, entry))) throw refusal('path already in use');
    await catchUp();
    logger.info('enabled audit backend', { path, type: entry.type });
  }

  /** Does nothing where there is none. @throws CofferError `invalid-request` for one of the configuration */
  async disable(path: string): Promise<void> {
    if (this.find(path)?.isConfigured === true) throw refusal('cannot disable configuration-managed audit device');
    const { storage, logger, catchUp } = this.#options;
    await storage.kept(DEVICES, DEVICE).delete(path);
    await catchUp();
    logger.info('disabled audit backend', { path });
  }

  /** Opens the files of the devices again, which may have been renamed. */
  async reopen(): Promise<void> {
    await Promise.all(
      this.#open.map(async ({ path, device }) => {
        try {
          await device?.reopen();
        } catch (error) {
          this.#options.logger.error('failed to reopen an audit device', { path, error: errorText(error) });
        }
      }),
    );
  }

  close(): Promise<void> {
    return this.#inTurn(async () => {
      await Promise.all(this.#open.map(async ({ device }) => device?.close()));
    });
  }

  #kept({ path, entry, isConfigured }: Omit<OpenDevice, 'device'>): OpenDevice | undefined {
    const found = this.find(path);
    const same = found?.isConfigured === isConfigured && JSON.stringify(found.entry) === JSON.stringify(entry);
    return same ? found : undefined;
  }

  #opened(wanted: Omit<OpenDevice, 'device'>): OpenDevice {
    const { place, logger } = this.#options;
    try {
      return { ...wanted, device: new Device(wanted.entry, place) };
    } catch (error) {
      logger.error('an audit device cannot be used', { path: wanted.path, error: errorText(error) });
      return { ...wanted, device: undefined };
    }
  }

  async #readStored(): Promise<Omit<OpenDevice, 'device'>[]> {
    const { storage } = this.#options;
    const entries = storage.of(DEVICES, DEVICE);
    const found = (await storage.list(DEVICES)).map(async (path) => {
      const entry = await entries.getNow(path);
      return entry === undefined ? [] : [{ path, entry, isConfigured: false }];
    });
    return (await Promise.all(found)).flat();
  }

  async #readConfigured(): Promise<Omit<OpenDevice, 'device'>[]> {
    const { storage, configured } = this.#options;
    const salts = storage.of('salts/', SALT);
    return Promise.all(
      configured().map(async ({ path, ...entry }) => {
        let found = await salts.getNow(path);
        if (found === undefined) {
          // Of several nodes that start at once, the first one says what it is.
          await salts.add(path, { salt: newSalt() });
          found = await salts.getNow(path);
        }
        if (found === undefined) throw new CofferError('failed', `the audit device ${path} has no salt`);
        return { path, entry: { ...entry, salt: found.salt }, isConfigured: true };
      }),
    );
  }

  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

const DEVICES = 'devices/';

function newSalt(): string {
  return randomBytes(32).toString('hex');
}

function byPath(a: OpenDevice, b: OpenDevice): number {
  return a.path < b.path ? -1 : 1;
}

function refusal(message: string): CofferError {
  return new CofferError('invalid-request', message);
}

/** What is wrong with a device is what is wrong with the request. */
function refused<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw refusal(errorText(error));
  }
}
