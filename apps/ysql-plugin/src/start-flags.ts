import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Long enough for the host's first calls, which come at once. */
const SETTLED_MS = 1_000;

const TIERS = ['sparkplug', 'maglev', 'turbofan'];

/**
 * While the plugin loads, V8 makes no machine code and does not let its young generation grow: code that runs once is not
 * worth it, and an idle plugin would keep the memory. Not before Node's own modules are loaded: V8 takes no code from its
 * cache that was made under other flags (docs/decisions/0005-own-grpc-layer.md).
 */
export function beginStart(): void {
  for (const tier of TIERS) setFlagsFromString(`--no-${tier}`);
  setFlagsFromString('--semi-space-growth-factor=1');
}

/**
 * V8 may compile again, the cheap way at once and with Maglev sooner than it usually would, which is after 400 calls of a function: each
 * user that a host asks for is a single call of most of our functions. Turbofan waits as long as ever: on two cores it takes from
 * the first calls what it gives to later ones (docs/decisions/0005-own-grpc-layer.md).
 */
export function endStart(): void {
  for (const tier of TIERS) setFlagsFromString(`--${tier}`);
  setFlagsFromString('--semi-space-growth-factor=2');
  setFlagsFromString('--always-sparkplug');
  setFlagsFromString('--invocation-count-for-maglev=250');
  setTimeout(giveBackMemory, SETTLED_MS).unref();
}

/** Frees the 4 MB that loading leaves behind, which V8 would keep until it needs the room: an idle plugin never does. */
function giveBackMemory(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as NodeJS.GCFunction;
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
