/**
 * The text of the systemd files that make etcd.service ours: a drop-in over the distribution's unit, or a whole unit
 * where there is none. Pure. Where the files go and who reloads systemd is in services-systemd.ts.
 */
import { type EtcdUnit, ServiceError } from './services.js';
import { walDirectory } from './start-condition.js';

/** First line of every file we write; a file with another first line is not ours to replace. */
export const unitFileHead =
  '# Written by etcd-agent, which replaces it. Put your own settings into a drop-in that sorts before it.';

const openFilesMax = 65_536;
const startLimitSeconds = 60;
/** Starts by hand count too; the agent's own begin the count anew. */
const startLimitBurst = 3;
/** Reset, so that neither a check of theirs nor another root, nor a variable that they take away, keeps our etcd from starting. */
const takenOver = [
  ...['ExecStartPre', 'ExecStartPost', 'ExecReload', 'ExecStop', 'ExecStopPost'],
  ...[
    'PassEnvironment',
    'UnsetEnvironment',
    'RootDirectory',
    'RestartPreventExitStatus',
    'RestartForceExitStatus',
  ],
] as const;
/** Where both families of distributions have them. */
const removeProgram = '/bin/rm';
const shell = '/bin/sh';
/** How systemd says that a service failed by itself, and did not end because it was told to (systemd.exec(5), SERVICE_RESULT). */
const failures = 'signal|exit-code|core-dump|oom-kill|watchdog';

/**
 * The drop-in. It resets what a distribution's unit passes to etcd (flags, variables, conditions), because etcd 3.4
 * and later refuse a setting given both as a flag and as a variable, and because a foreign triggering condition would
 * undo rule one. Throws a ServiceError for a path or name that cannot be written safely.
 */
export function renderDropIn(unit: EtcdUnit): string {
  return [
    unitFileHead,
    '[Unit]',
    '# An etcd that ends three times within a minute is not mended by a fourth try: it stays "failed" until the agent, which',
    '# knows its data and its peers, starts it again, more and more slowly. Should the agent be gone as well: systemd restarts',
    '# that one for ever (etcd-agent.service), so it is back within seconds.',
    `StartLimitIntervalSec=${startLimitSeconds}`,
    `StartLimitBurst=${startLimitBurst}`,
    '# The first line clears all others.',
    'ConditionPathExists=',
    ...clearance(unit),
    '# Either a write-ahead log or a permit: never on an empty directory by itself.',
    `ConditionPathExistsGlob=|${path('walDir', walDirectory(unit))}/*.wal`,
    `ConditionPathExists=|${path('permitFile', unit.permitFile)}`,
    '',
    '[Service]',
    'Type=notify',
    '# What a unit of the distribution, or of a former administrator, would have done around etcd, and where.',
    ...takenOver.map((name) => `${name}=`),
    'DynamicUser=no',
    'ExecStart=',
    `ExecStart=${quoted(path('binary', unit.binary))}`,
    'Environment=',
    'EnvironmentFile=',
    `EnvironmentFile=${path('environmentFile', unit.environmentFile)}`,
    // A unit may name one that nobody has made, and then systemd starts nothing. etcd writes nothing there.
    `WorkingDirectory=${path('workingDirectory', unit.workingDirectory ?? '/')}`,
    ...optional('User', unit.user, account),
    ...optional('Group', unit.group, account),
    '# The permit is for one start: it ends with it, even where the agent has died meanwhile.',
    `ExecStartPost=-+${removeProgram} -f ${quoted(path('permitFile', unit.permitFile))}`,
    ...clearanceEnds(unit),
    'Restart=always',
    'RestartSec=100ms',
    '# etcd says READY only when it has joined, which may need other hosts: no deadline for that.',
    'TimeoutStartSec=0',
    `LimitNOFILE=${openFilesMax}`,
    '',
  ].join('\n');
}

/** Must hold beside the triggering conditions (`|`), of which one is enough: systemd wants all of the former, any of the latter. */
function clearance({ clearanceFile }: EtcdUnit): string[] {
  return clearanceFile === undefined
    ? []
    : [
        '# The agent makes this when it has seen that the disk is not an older one than the peers remember; a boot ends it.',
        `ConditionPathExists=${path('clearanceFile', clearanceFile)}`,
      ];
}

/**
 * One that failed by itself is started again by systemd on the disk that it ran on, at once. A systemd older than 232 does
 * not say how it ended: the agent starts it again there.
 */
function clearanceEnds({ clearanceFile }: EtcdUnit): string[] {
  if (clearanceFile === undefined) return [];
  const file = path('clearanceFile', clearanceFile);
  return [
    '# Whoever stops etcd may put another disk in its place: the next start waits until the agent has looked.',
    `ExecStopPost=-+${shell} -c 'case "$$SERVICE_RESULT" in ${failures}) ;; *) ${removeProgram} -f "${file}" ;; esac'`,
  ];
}

/** The unit for a host that has none. Everything about how etcd runs is in the drop-in, which is always there too. */
export function renderBaseUnit(unit: EtcdUnit): string {
  return [
    unitFileHead,
    '[Unit]',
    'Description=etcd key-value store',
    'Documentation=https://etcd.io/docs/',
    'Wants=network-online.target',
    'After=network-online.target',
    '',
    '[Service]',
    'Type=notify',
    `ExecStart=${quoted(path('binary', unit.binary))}`,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
    '',
  ].join('\n');
}

function optional(
  name: string,
  value: string | undefined,
  check: (name: string, value: string) => string,
): string[] {
  return value === undefined ? [] : [`${name}=${check(name, value)}`];
}

/**
 * A path as systemd reads it back: `%` starts a specifier and is doubled. Glob characters, quotes, `$`, backslashes,
 * control characters and relative parts are refused rather than escaped in five different ways.
 */
function path(name: string, value: string): string {
  const tame = /^\/[A-Za-z0-9/._+@:=,~% -]*$/.test(value) && !value.endsWith(' ');
  if (!tame || value.split('/').some((part) => part === '..' || part === '.')) {
    throw new ServiceError(
      'describe',
      `${name} ${JSON.stringify(value)} is not a plain absolute path`,
      false,
    );
  }
  return value.replaceAll('%', '%%');
}

function account(name: string, value: string): string {
  if (!/^[a-z_][a-z0-9_-]{0,31}$/i.test(value)) {
    throw new ServiceError('describe', `${name} ${JSON.stringify(value)} is not an account name`, false);
  }
  return value;
}

/** A command word; only spaces need the quotes, since `path` refuses the rest. */
function quoted(word: string): string {
  return word.includes(' ') ? `"${word}"` : word;
}
