// The one kind of error the setup shows to a person, and the boundary that prints it. What is not a Failure is a
// defect of these scripts and is printed with its stack.

/**
 * Something that could not be set up. `what` is one sentence; `where` a path or command; `cause` the likely reason;
 * `next` the command or action that gets further; `tail` the last lines a child process printed; `log` all of them.
 */
export class Failure extends Error {
  /** @param {{ what: string, where?: string, cause?: string, next?: string, tail?: string, log?: string }} facts */
  constructor(facts) {
    super(facts.what);
    this.name = 'Failure';
    this.facts = facts;
  }
}

/**
 * Runs a script's main function: its number becomes the exit code, its Failure a short explanation and exit code 1.
 * @param {() => Promise<number | undefined>} main
 */
export async function runScript(main) {
  try {
    process.exitCode = (await main()) ?? 0;
  } catch (error) {
    process.stderr.write(error instanceof Failure ? explain(error) : `${error?.stack ?? error}\n`);
    process.exitCode = 1;
  }
}

function explain({ facts }) {
  const lines = [``, `error: ${facts.what}`];
  if (facts.tail) lines.push(...facts.tail.split('\n').map((line) => `  | ${line}`));
  if (facts.where) lines.push(`  where:  ${facts.where}`);
  if (facts.cause) lines.push(`  likely: ${facts.cause}`);
  if (facts.next) lines.push(`  next:   ${facts.next}`);
  if (facts.log) lines.push(`  log:    ${facts.log}`);
  return `${lines.join('\n')}\n`;
}

const causes = [
  [/ENOSPC|No space left on device/i, 'the disk is full', 'free some space, then run the same command again'],
  [
    /ENOTFOUND|EAI_AGAIN|Temporary failure resolving|Could not resolve/i,
    'a host name does not resolve: no network here, or a proxy is needed',
    'check the network (https_proxy, npm config get registry, apt sources), then run the same command again',
  ],
  [
    /ECONNREFUSED|ETIMEDOUT|ECONNRESET|ENETUNREACH|Could not connect|Connection (?:timed out|failed)/i,
    'the registry or mirror cannot be reached from here',
    'check the network (https_proxy, npm config get registry, apt sources), then run the same command again',
  ],
  [
    /UNABLE_TO_(?:VERIFY|GET_ISSUER)|SELF_SIGNED|CERT_HAS_EXPIRED|certificate verification failed/i,
    'the TLS certificate of the registry or mirror is not trusted here (a proxy that intercepts TLS?)',
    'point NODE_EXTRA_CA_CERTS at the CA of that proxy, then run the same command again',
  ],
  [
    /ERR_PNPM_OUTDATED_LOCKFILE/,
    'a package.json asks for something that pnpm-lock.yaml does not have',
    'update and commit the lockfile: node .cache/pnpm/node_modules/pnpm/bin/pnpm.cjs install',
  ],
  [
    /E404|404 +Not Found/,
    'the registry or mirror does not carry it',
    'check npm config get registry and the apt sources',
  ],
  [
    /EACCES|EPERM|Permission denied/i,
    'files here belong to another user (was this run as root before?)',
    'sudo chown -R "$(id -u):$(id -g)" . and run the same command again',
  ],
];

/** The likely cause of a child's failure and what to do, read from what it printed; empty when nothing is recognised. */
export function likelyCause(output) {
  const found = causes.find(([pattern]) => pattern.test(output));
  return found ? { cause: found[1], next: found[2] } : {};
}
