/**
 * The last words of etcd that are known, and what each means for the data of its member. What is not in this table is
 * not acted upon. Most rows were seen on real servers, whose words are kept in testdata/ends; the others are from
 * their sources. The order counts: what lies outside the data is looked for first, because a disk that is full or
 * cannot be read makes etcd say things that look like broken data.
 *
 * Not here: finding the last words in a log (end-lines.ts), and deciding what to do.
 */

/** Broken data, which its member cannot start on again. */
export type CorruptionCode =
  /** A record of the WAL is not what was written. */
  | 'walCrc'
  /** The WAL is empty, or does not reach what the snapshot needs. */
  | 'walMissing'
  /** The backend that a snapshot belongs to is gone. */
  | 'snap'
  /** The backend is not a database, or its pages do not fit together. */
  | 'bolt'
  /** Reading the backend was stopped by the kernel: it is cut short, or the disk cannot be read. */
  | 'boltFault'
  /** The log lacks entries that this member is known to have had. */
  | 'tocommit';

/** Ends that say nothing against the data. Starting over without it would help none of them. */
export type OtherEndCode =
  | 'ioError'
  | 'noSpace'
  | 'readOnly'
  | 'permission'
  | 'dataDirInUse'
  | 'portInUse'
  | 'addressNotHere'
  | 'tls'
  | 'flags'
  | 'joinMismatch'
  | 'alreadyBootstrapped'
  | 'peersUnreachable'
  | 'inconsistent'
  /** The cluster no longer has this member. */
  | 'removed'
  /** Somebody or something asked it to stop. */
  | 'stopped';

export type EndCode = CorruptionCode | OtherEndCode;

interface EndRow {
  readonly code: EndCode;
  readonly pattern: RegExp;
  /** `last`: only what etcd says as it dies. `any`: wherever in the run. */
  readonly where: 'last' | 'any';
  /** The minors it was seen on here; none for words from the sources. */
  readonly seen: readonly ('3.3' | '3.4' | '3.5')[];
}

const all = ['3.3', '3.4', '3.5'] as const;

export const endTable: readonly EndRow[] = [
  // The disk and the host. A warning about EIO before the end is enough: what follows cannot be trusted.
  { code: 'ioError', pattern: /input\/output error/, where: 'any', seen: [] },
  { code: 'noSpace', pattern: /no space left on device|disk quota exceeded/, where: 'last', seen: all },
  { code: 'readOnly', pattern: /read-only file system/, where: 'last', seen: all },
  { code: 'permission', pattern: /permission denied|operation not permitted/, where: 'last', seen: all },
  // 3.3 does not say why it cannot list the directory.
  { code: 'permission', pattern: /error listing data dir: \S+$/, where: 'last', seen: ['3.3', '3.4'] },
  { code: 'dataDirInUse', pattern: /file already locked/, where: 'last', seen: [] },
  { code: 'portInUse', pattern: /bind: address already in use/, where: 'last', seen: all },
  { code: 'addressNotHere', pattern: /bind: cannot assign requested address/, where: 'last', seen: all },

  // What etcd was told.
  {
    code: 'tls',
    pattern: /\btls: |\bx509: |\.(pem|crt|cer|key): no such file|could not parse.* certificate|asn1: /i,
    where: 'last',
    seen: all,
  },
  {
    code: 'flags',
    pattern:
      /verify(ing)? flags|is shadowed by corresponding|flag provided but not defined|invalid value ".*" for |couldn't find local name|missing from --initial-advertise-peer-urls|error setting up initial cluster|failed to load config/i,
    where: 'last',
    seen: all,
  },
  {
    code: 'joinMismatch',
    pattern: /error validating peerURLs|member count is unequal|unmatched member while checking PeerURLs/,
    where: 'last',
    seen: all,
  },
  { code: 'alreadyBootstrapped', pattern: /has already been bootstrapped/, where: 'last', seen: all },
  { code: 'peersUnreachable', pattern: /cannot fetch cluster info from peer urls/, where: 'last', seen: all },
  // Says that members differ, and not which of them is right.
  { code: 'inconsistent', pattern: /found data inconsistency with peers/, where: 'last', seen: [] },

  // The data.
  {
    code: 'walCrc',
    pattern:
      /\bcrc mismatch|max entry size limit exceeded|wal: slice bounds out of range|wal: conflicting metadata|unexpected block type/,
    where: 'last',
    seen: all,
  },
  {
    code: 'walMissing',
    pattern: /wal: file not found|wal: snapshot (not found|mismatch)|panic: cannot use none as id/,
    where: 'last',
    seen: all,
  },
  {
    code: 'snap',
    pattern: /failed to find database snapshot file|database snapshot file path error|snap: crc mismatch/,
    where: 'last',
    seen: all,
  },
  {
    code: 'bolt',
    pattern:
      /(cannot|failed to) open database.*(invalid database|version mismatch|checksum error|file size too small)|freepages: failed to get all reachable pages|but self identifies as|invalid freelist page|page \d+ already freed|invalid page type|multiple references \(stack/,
    where: 'last',
    seen: all,
  },
  { code: 'boltFault', pattern: /^unexpected fault address/, where: 'last', seen: all },
  {
    code: 'tocommit',
    pattern: /(tocommit\(\d+\)|state\.commit \d+|\bapplied\(\d+\)) is out of range/,
    where: 'last',
    seen: all,
  },

  // Ends in order.
  {
    code: 'removed',
    pattern: /^(etcdserver|server error): the member has been permanently removed from the cluster/,
    where: 'any',
    seen: all,
  },
  {
    code: 'stopped',
    pattern: /received (\S+ signal, shutting down|signal; shutting down)/,
    where: 'any',
    seen: all,
  },
];

const corruptions: Readonly<Record<CorruptionCode, string>> = {
  walCrc: 'a record of its WAL is not what was written',
  walMissing: 'its WAL is empty or does not reach what its snapshot needs',
  snap: 'the backend of its snapshot is gone',
  bolt: 'its backend is not a sound database',
  boltFault: 'its backend is cut short or cannot be read',
  tocommit: 'its log lacks entries that it is known to have had',
};

const others: Readonly<Record<OtherEndCode, string>> = {
  ioError: 'the disk reports errors',
  noSpace: 'the disk is full',
  readOnly: 'the file system is read-only',
  permission: 'etcd may not read or write its files',
  dataDirInUse: 'another process holds the data directory',
  portInUse: 'another process listens on its port',
  addressNotHere: 'the address that it should listen on is not one of this host',
  tls: 'its certificates or keys cannot be used',
  flags: 'its settings contradict each other or are not understood',
  joinMismatch: 'the members that it was told of are not those of the cluster',
  alreadyBootstrapped: 'the cluster has had this member before, with data that is not here',
  peersUnreachable: 'no peer told it of the cluster',
  inconsistent: 'its data differs from that of its peers',
  removed: 'the cluster no longer has this member',
  stopped: 'it was asked to stop',
};

/** What a code means, as the end of a sentence about an etcd. */
export function meaningOf(code: EndCode): string {
  return { ...corruptions, ...others }[code];
}

/**
 * Whether an end says that the data is broken. `boltFault` is what a failing disk looks like, too: read the backend
 * through before believing it.
 */
export function isCorruption(code: EndCode): code is CorruptionCode {
  return Object.hasOwn(corruptions, code);
}
