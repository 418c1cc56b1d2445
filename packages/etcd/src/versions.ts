/**
 * etcd's versions: reading what `etcd --version` prints, comparing, and what this product may do with each minor.
 *
 * Everything version-dependent elsewhere (etcd.conf, preflight, the admin adapter) asks the table below; nothing else
 * may compare version numbers by hand. Not here: installing etcd, or asking a binary for its version.
 */

/** A parsed etcd version. `text` is the version as found, suffix included ("3.4.23+dfsg"). */
export interface EtcdVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
  readonly text: string;
}

/** The etcd minors with a row in the table. */
export type EtcdMinor = '3.3' | '3.4' | '3.5' | '3.6' | '3.7';

/** How one minor differs from the others, as far as this product uses it. */
export interface MinorFeatures {
  /** Non-voting members exist (`member add --learner`). */
  readonly learners: boolean;
  /** `ETCD_PRE_VOTE`: unknown to this minor, off unless set, or on by default. */
  readonly preVote: 'absent' | 'offByDefault' | 'onByDefault';
  /** `ETCD_LOGGER`: unknown, capnslog unless set to zap, or zap whatever is set. */
  readonly logger: 'capnslogOnly' | 'capnslogByDefault' | 'zapOnly';
  /** `ETCD_LOG_OUTPUTS` is understood. */
  readonly logOutputs: boolean;
  /** The v2 API: on by default, off by default, or gone. Never switched on by this product. */
  readonly v2Api: 'onByDefault' | 'offByDefault' | 'removed';
  /** How the data check at start-up is switched on. */
  readonly initialCorruptCheck: 'notUsed' | 'experimentalVariable' | 'featureGates';
  /** Variables that begin with `ETCD_EXPERIMENTAL_` are understood. */
  readonly experimentalPrefix: boolean;
  /** `ETCD_LISTEN_METRICS_URLS` is understood. */
  readonly listenMetricsURLs: boolean;
  /** `ETCD_STRICT_RECONFIG_CHECK` is on by default (everywhere so far; kept, never rendered). */
  readonly strictReconfigCheckDefault: boolean;
  /** The same option as flag and as environment variable: the flag wins with a warning, or etcd exits. */
  readonly flagAndVariable: 'flagWins' | 'exits';
  /** Prefixes of the JSON gateway, the preferred one first. */
  readonly gatewayPaths: readonly string[];
  /** `ETCDCTL_API` that this minor's etcdctl assumes when it is not set. */
  readonly etcdctlApiDefault: 2 | 3;
  /** MemberList honours its `linearizable` field; older minors answer from local state whatever is asked. */
  readonly memberListLinearizable: boolean;
  /** A member's keys can be hashed at a revision (`HashKV`). Hashes of two minors are not comparable. */
  readonly hashKV: boolean;
  /** The programs that have `snapshot restore`, the preferred one first. */
  readonly restorePrograms: readonly ('etcdutl' | 'etcdctl')[];
  /** Whether the project's tests run this minor's real binary. */
  readonly tested: boolean;
}

/** How one version differs: its minor's row, and what patch releases changed. */
export interface VersionFeatures extends MinorFeatures {
  /**
   * Which members the serving one must have been connected to for five seconds before it accepts a new one, learner or
   * not: every voter, or a quorum of the enlarged set.
   */
  readonly addNeeds: 'everyVoter' | 'quorum';
  /** `snapshot restore` can raise the revision above all that the lost cluster has given out (`--bump-revision`). */
  readonly bumpRevision: boolean;
}

const since33: MinorFeatures = {
  learners: false,
  preVote: 'absent',
  logger: 'capnslogOnly',
  logOutputs: false,
  v2Api: 'onByDefault',
  initialCorruptCheck: 'notUsed',
  experimentalPrefix: true,
  listenMetricsURLs: true,
  strictReconfigCheckDefault: true,
  flagAndVariable: 'flagWins',
  gatewayPaths: ['/v3beta'],
  etcdctlApiDefault: 2,
  memberListLinearizable: false,
  hashKV: true,
  restorePrograms: ['etcdctl'],
  tested: true,
};
const since34: MinorFeatures = {
  ...since33,
  learners: true,
  preVote: 'offByDefault',
  logger: 'capnslogByDefault',
  logOutputs: true,
  v2Api: 'offByDefault',
  initialCorruptCheck: 'experimentalVariable',
  flagAndVariable: 'exits',
  gatewayPaths: ['/v3', '/v3beta'],
  etcdctlApiDefault: 3,
};
const since35: MinorFeatures = {
  ...since34,
  preVote: 'onByDefault',
  logger: 'zapOnly',
  gatewayPaths: ['/v3'],
  memberListLinearizable: true,
  restorePrograms: ['etcdutl', 'etcdctl'],
};
const since36: MinorFeatures = {
  ...since35,
  v2Api: 'removed',
  initialCorruptCheck: 'featureGates',
  restorePrograms: ['etcdutl'],
  tested: false,
};
const since37: MinorFeatures = { ...since36, experimentalPrefix: false };

const features: Readonly<Record<EtcdMinor, MinorFeatures>> = {
  '3.3': since33,
  '3.4': since34,
  '3.5': since35,
  '3.6': since36,
  '3.7': since37,
};

/** The minor whose row stands in for versions newer than the table. */
const newestMinor: EtcdMinor = '3.7';

/**
 * Reads a version from `etcd --version` output ("etcd Version: 3.4.23\nGit SHA: …") or from bare text ("3.4.23",
 * "v3.5.16-rc.0", "3.4.23+dfsg"). Returns undefined when the text is neither.
 */
export function parseEtcdVersion(text: string): EtcdVersion | undefined {
  const line = /^etcd Version:[ \t]*(\S+)[ \t]*\r?$/im.exec(text)?.[1] ?? text.trim();
  const match = /^v?((\d{1,5})\.(\d{1,5})\.(\d{1,5})(?:[-+~][0-9A-Za-z.+~-]*)?)$/.exec(line);
  if (match === null) return undefined;
  return { major: Number(match[2]), minor: Number(match[3]), patch: Number(match[4]), text: match[1]! };
}

/** Negative, zero or positive as `a` is older than, the same as, or newer than `b`. Suffixes do not count. */
export function compareVersions(a: EtcdVersion, b: EtcdVersion): number {
  return a.major - b.major || a.minor - b.minor || a.patch - b.patch;
}

/** "3.4" for 3.4.23. Clusters must agree on it; the table is keyed by it. */
export function minorOf(version: EtcdVersion): string {
  return `${version.major}.${version.minor}`;
}

/** Whether `version` is at least `floor`, written as "3.5.3". */
export function isAtLeast(version: EtcdVersion, floor: `${number}.${number}.${number}`): boolean {
  const [major, minor, patch] = floor.split('.').map(Number) as [number, number, number];
  return (version.major - major || version.minor - minor || version.patch - patch) >= 0;
}

/**
 * What a version can do. A minor newer than the table gets the newest row; callers have been warned by
 * {@link judgeVersion} by then. Throws RangeError for anything older than 3.3, which is refused before it gets here.
 */
export function featuresOf(version: EtcdVersion): VersionFeatures {
  if (!isAtLeast(version, '3.3.0')) throw new RangeError(`etcd ${version.text} is older than 3.3`);
  const minor = minorOf(version);
  const row = isListed(minor) ? features[minor] : features[newestMinor];
  return {
    ...row,
    addNeeds: addsWithQuorum(version) ? 'quorum' : 'everyVoter',
    bumpRevision: bumpsRevision(version),
  };
}

/** It came with 3.6 and was carried back into two older minors. */
function bumpsRevision(version: EtcdVersion): boolean {
  switch (minorOf(version)) {
    case '3.4':
      return isAtLeast(version, '3.4.27');
    case '3.5':
      return isAtLeast(version, '3.5.10');
    default:
      return isAtLeast(version, '3.6.0');
  }
}

/** The relaxed rule came with 3.7 and was carried back into two older minors. */
function addsWithQuorum(version: EtcdVersion): boolean {
  if (minorOf(version) === '3.5') return isAtLeast(version, '3.5.30');
  return isAtLeast(version, '3.6.11');
}

/** What preflight says about running a version. */
export type VersionJudgement =
  | { readonly kind: 'ok' }
  | { readonly kind: 'warn'; readonly why: string }
  | { readonly kind: 'refuse'; readonly why: string };

/**
 * Whether this product will run a version. A newer 3.x is only warned about, because etcd keeps its client API and
 * variables within a major version and merely warns of variables it does not know; a new major version is refused.
 */
export function judgeVersion(version: EtcdVersion): VersionJudgement {
  const { text } = version;
  if (!isAtLeast(version, '3.3.0')) {
    return { kind: 'refuse', why: `etcd ${text} is too old: 3.3 is the oldest that is supported` };
  }
  if (version.major > 3) {
    return { kind: 'refuse', why: `etcd ${text} is of a major version that is not known here` };
  }
  if (isAtLeast(version, '3.5.0') && !isAtLeast(version, '3.5.3')) {
    return {
      kind: 'refuse',
      why: `etcd ${text} can lose consistency between members after a crash (3.5.0 to 3.5.2): install 3.5.3 or newer`,
    };
  }
  const minor = minorOf(version);
  if (!isListed(minor)) {
    return {
      kind: 'warn',
      why: `etcd ${minor} is newer than any that is known here: treated as ${newestMinor}`,
    };
  }
  if (!features[minor].tested) {
    return { kind: 'warn', why: `etcd ${minor} is accepted by table: it is not run in our tests` };
  }
  if (/^\d+\.\d+\.\d+[-~]/.test(text)) {
    return { kind: 'warn', why: `etcd ${text} looks like a pre-release` };
  }
  return { kind: 'ok' };
}

function isListed(minor: string): minor is EtcdMinor {
  return Object.hasOwn(features, minor);
}
