import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

/** Where a Redis listens: a unix socket, or a loopback port where those are not to be had. */
export type RedisAddress = { path: string } | { host: string; port: number };

/** What this machine offers to tie a child to its parent and to hold a lock as long as the child lives. */
export type HostTools = { pdeathsig: boolean; flock: boolean };

/** One running redis-server. `exited` settles once, with the words for how it ended; it never rejects. */
export type RedisProcess = {
  pid: number;
  exited: Promise<string>;
  /** Asks it to flush its log and go, and after `graceMs` makes it go. Settles when it is gone. */
  terminate(graceMs: number): Promise<void>;
  /** Ends it at once, as a crash would. Settles when it is gone. */
  kill(): Promise<void>;
};

export type LaunchedRedis =
  | { kind: 'ready'; process: RedisProcess }
  /** Another process holds the lock on the data. */
  | { kind: 'locked' }
  /** It ended, or could not be started, before it accepted connections. */
  | { kind: 'failed'; why: string; cause?: unknown };

/** The exit code that flock is told to give when somebody else holds the lock; redis-server never exits with it. */
const lockedExitCode = 75;

/** Redis says why it ends in its last lines; more would bury the message. */
const lastLinesMax = 12;

/** A line of its log is short. What has no line end within this much is not worth remembering. */
const lineCharsMax = 4_096;

/**
 * Runs a command so that it ends when its parent does, where setpriv is not to be had: file descriptor 3 is a pipe that
 * nobody writes to, so reading it returns exactly when the parent is gone, however it went. Plain POSIX sh.
 */
const dieWithParent = `
exec 4<&0; "$@" <&4 3<&- 4<&- & pid=$!; exec 4<&- </dev/null
trap 'kill -TERM $pid 2>/dev/null' TERM INT HUP
( read -r _ <&3; kill -TERM $pid ) >/dev/null 2>&1 & w=$!
while :; do wait $pid; rc=$?; kill -0 $pid 2>/dev/null || break; done; kill $w 2>/dev/null; exit $rc
`;

/** Finds out by trying, because names alone promise nothing: macOS has neither, busybox has a flock of its own. */
export function detectHostTools(): HostTools {
  const works = (command: string, args: string[]) => spawnSync(command, args, { stdio: 'ignore' }).status === 0;
  return {
    pdeathsig: works('setpriv', ['--pdeathsig', 'TERM', 'true']),
    flock: works('flock', ['-n', '-F', '-E', String(lockedExitCode), '/dev/null', 'true']),
  };
}

/** Quotes a value for Redis's configuration, which reads the same escapes as JSON inside double quotes. */
function quoted(value: string): string {
  return JSON.stringify(value);
}

/**
 * The configuration that every Redis of ours runs under: each acknowledged write is on disk, and nothing is evicted,
 * because what is stored is money and stock and not a cache. `settings` come last and win.
 */
export function redisSettings({
  dir,
  address,
  socketFile,
  password,
  settings = {},
}: {
  dir: string;
  address: RedisAddress;
  /** The socket's name as the server sees it: relative to `dir` where that keeps it within the length limit. */
  socketFile?: string;
  password: string;
  settings?: Readonly<Record<string, string>>;
}): string {
  const listen: [string, string][] =
    'path' in address
      ? [
          ['port', '0'],
          ['unixsocket', socketFile ?? address.path],
          ['unixsocketperm', '700'],
        ]
      : [
          ['bind', address.host],
          ['port', String(address.port)],
        ];
  const all: [string, string][] = [
    ['dir', dir],
    ...listen,
    ['requirepass', password],
    ['appendonly', 'yes'],
    ['appendfsync', 'always'],
    ['save', ''],
    ['maxmemory-policy', 'noeviction'],
    ...Object.entries(settings),
  ];
  return all.map(([name, value]) => `${name} ${quoted(value)}\n`).join('');
}

/**
 * Starts one redis-server with the given configuration, given to it on standard input so that the password is on no
 * command line, and waits until it accepts connections. It is in a process group of its own, so that Ctrl-C reaches the
 * server alone and its drain still has a Redis; it ends when this process ends, even after `kill -9`.
 *
 * Must run on the main thread: the kernel ties the child to the thread that started it.
 */
export async function launchRedis({
  binary,
  config,
  host,
  lockFile,
  readyMs,
  onWarning,
}: {
  binary: string;
  config: string;
  host: HostTools;
  /** Held by Redis itself as long as it lives, so that any death of it releases the data. */
  lockFile?: string;
  readyMs: number;
  onWarning?: (line: string) => void;
}): Promise<LaunchedRedis> {
  const lock =
    lockFile !== undefined && host.flock ? ['flock', '-n', '-F', '-E', String(lockedExitCode), lockFile] : [];
  const tie = host.pdeathsig ? ['setpriv', '--pdeathsig', 'TERM'] : ['sh', '-c', dieWithParent, 'sh'];
  // Windows has neither sh nor signals to tie with; Redis is not at home there, and a person who has one may still try.
  const command = process.platform === 'win32' ? [binary, '-'] : [...tie, ...lock, binary, '-'];
  const child = spawn(command[0] ?? binary, command.slice(1), {
    detached: true,
    stdio: host.pdeathsig ? ['pipe', 'pipe', 'pipe'] : ['pipe', 'pipe', 'pipe', 'pipe'],
  });
  const lastLines: string[] = [];
  const running = watch(child);

  const launched = await new Promise<LaunchedRedis>((settle) => {
    const timeout = setTimeout(() => {
      settle({ kind: 'failed', why: `it did not accept connections within ${readyMs} ms` });
    }, readyMs);
    const onLine = (line: string) => {
      lastLines.push(line);
      if (lastLines.length > lastLinesMax) lastLines.shift();
      if (/eady to accept connections/.test(line)) settle({ kind: 'ready', process: running });
      // Redis marks what a person should read with a number sign.
      else if (/ # /.test(line)) onWarning?.(line.slice(line.indexOf(' # ') + 3));
    };
    if (child.stdout) eachLine(child.stdout, onLine);
    if (child.stderr) eachLine(child.stderr, onLine);
    child.once('error', (cause) => settle({ kind: 'failed', why: `${binary} could not be run`, cause }));
    child.once('close', (code, signal) => {
      clearTimeout(timeout);
      settle(
        code === lockedExitCode
          ? { kind: 'locked' }
          : { kind: 'failed', why: [`it ended with ${ended(code, signal)}`, ...lastLines].join('\n  ') },
      );
    });
    // A child that dies before it has read its configuration breaks the pipe; how it ended says why.
    child.stdin?.once('error', () => {});
    child.stdin?.end(config);
    void running.exited.then(() => clearTimeout(timeout));
  });
  if (launched.kind === 'failed') await running.kill();
  return launched;
}

function ended(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exit code ${code}` : `signal ${signal}`;
}

function watch(child: ChildProcess): RedisProcess {
  let gone = child.pid === undefined;
  const exited = new Promise<string>((settle) => {
    child.once('error', (error) => {
      // Only a child that never started has no exit; a failed signal must not pass for a death.
      if (child.pid === undefined) settle(error.message);
    });
    child.once('exit', (code, signal) => {
      gone = true;
      settle(ended(code, signal));
    });
  });
  const signalGroup = (signal: NodeJS.Signals) => {
    if (gone || child.pid === undefined) return;
    try {
      process.kill(-child.pid, signal);
    } catch {
      // The group went between the look and the signal, which is what was wanted.
      child.kill(signal);
    }
  };
  return {
    pid: child.pid ?? -1,
    exited,
    async terminate(graceMs) {
      if (!gone) child.kill('SIGTERM');
      const impatience = setTimeout(() => signalGroup('SIGKILL'), graceMs);
      await exited;
      clearTimeout(impatience);
    },
    async kill() {
      signalGroup('SIGKILL');
      await exited;
    },
  };
}

function eachLine(stream: NodeJS.ReadableStream, onLine: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n');
    rest = (lines.pop() ?? '').slice(-lineCharsMax);
    for (const line of lines) if (line.trim() !== '') onLine(line);
  });
}
