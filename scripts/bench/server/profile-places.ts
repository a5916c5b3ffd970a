/** Reads a profile of V8, and tells by the rooms of the code where its time went. */
import { readFileSync } from 'node:fs';

/** In microseconds. */
export interface Places {
  readonly busyUs: number;
  readonly places: ReadonlyMap<string, number>;
}

interface Frame {
  readonly functionName: string;
  readonly url: string;
}
interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: Frame; readonly children?: readonly number[] }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  /** In microseconds of the monotonic clock. */
  readonly startTime: number;
}

/** What takes its time whoever calls it. */
const BY_FUNCTION: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collection',
  '(program)': 'V8 itself',
  writeUtf8String: 'writing to sockets (the system)',
  writeLatin1String: 'writing to sockets (the system)',
  writeBuffer: 'writing to sockets (the system)',
  writev: 'writing to sockets (the system)',
  postMessage: 'messages between the threads',
  // SQLite's COMMIT is called from there, and is native code.
  commitWaiting: 'COMMIT: waiting for the disk',
};
const ROOMS: Readonly<Record<string, string>> = {
  http: 'our HTTP edge',
  core: 'core: tokens, policies, leases, barrier',
  store: 'store',
  ysql: 'ysql: SQL of the target',
  'yb-connection': 'ysql: SQL of the target',
  'engines/database': 'database engine',
};
const IDLE = '(idle)';

/** Only what was sampled between two moments, in microseconds of the monotonic clock. */
export function placesIn(file: string, { from, to }: { readonly from: number; readonly to: number }): Places {
  const profile = JSON.parse(readFileSync(file, 'utf8')) as Profile;
  const frames = new Map(profile.nodes.map(({ id, callFrame }) => [id, callFrame]));
  const parents = new Map(
    profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)),
  );
  const places = new Map<string, number>();
  let busyUs = 0;
  let time = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[index] ?? 0;
    time += delta;
    if (time < from || time > to || frames.get(id)?.functionName === IDLE) continue;
    const place = placeOf(id, frames, parents);
    places.set(place, (places.get(place) ?? 0) + delta);
    busyUs += delta;
  }
  return { busyUs, places };
}

/** That of the function itself, else the room of the nearest caller that has one. */
function placeOf(id: number, frames: ReadonlyMap<number, Frame>, parents: ReadonlyMap<number, number>): string {
  const own = BY_FUNCTION[frames.get(id)?.functionName ?? ''];
  if (own !== undefined) return own;
  for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
    const room = /\/(?:packages\/((?:auth|engines)\/[^/]+|[^/]+)|(apps)|(node_modules))\//.exec(
      frames.get(at)?.url ?? '',
    );
    if (room === null) continue;
    const [, name = ''] = room;
    if (room[3] !== undefined) return 'libraries';
    return ROOMS[name] ?? 'everything else of ours';
  }
  return 'Node.js: HTTP, sockets, promises, timers';
}
