import type { CommandNode } from '../command.ts';
import { audit } from './audit/index.ts';
import { auth } from './auth/index.ts';
import { deleteCommand } from './delete.ts';
import { lease } from './lease/index.ts';
import { list } from './list.ts';
import { login } from './login.ts';
import { migrate } from './migrate/index.ts';
import { monitor } from './monitor.ts';
import { operator } from './operator/index.ts';
import { pathHelp } from './path-help.ts';
import { plugin } from './plugin/index.ts';
import { policy } from './policy/index.ts';
import { print } from './print/index.ts';
import { read } from './read.ts';
import { secrets } from './secrets/index.ts';
import { status } from './status.ts';
import { token } from './token/index.ts';
import { unwrap } from './unwrap.ts';
import { version } from './version.ts';
import { versionHistory } from './version-history.ts';
import { write } from './write.ts';

/** Every command but `server`. */
export const COMMANDS: readonly CommandNode[] = [
  read,
  write,
  deleteCommand,
  list,
  login,
  status,
  unwrap,
  audit,
  auth,
  lease,
  migrate,
  monitor,
  operator,
  pathHelp,
  plugin,
  policy,
  print,
  secrets,
  token,
  version,
  versionHistory,
];
