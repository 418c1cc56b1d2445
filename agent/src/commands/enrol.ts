/** `etcd-agent enrol`: puts a join token where the agent finds it. The coordinator does the rest. */
import { readFileSync } from 'node:fs';
import { linuxFiles } from '@etcd-agent/platform';
import { decodeToken } from '@etcd-agent/protocol';
import { type ConfigSources, loadConfig, pathsOf } from '../config.js';
import { Store } from '../store.js';

export async function enrol(sources: ConfigSources, tokenFile: string): Promise<void> {
  const config = loadConfig(sources);
  const text = read(tokenFile);
  const source = tokenFile === '-' ? 'standard input' : tokenFile;
  const reading = decodeToken(text);
  if (reading.kind === 'malformed') {
    throw withNext(
      `${source} holds no join token: ${reading.why}`,
      'coordinator token NODE, on the coordinator, makes one',
    );
  }
  const { token } = reading;
  if (Date.parse(token.expiresAt) <= Date.now()) {
    throw withNext(
      `the join token in ${source} expired at ${token.expiresAt}`,
      `coordinator token ${token.node}`,
    );
  }
  const store = new Store(linuxFiles, pathsOf(config));
  await store.prepare();
  const identity = await store.identity();
  if (identity !== undefined && identity.cluster !== token.cluster) {
    throw withNext(
      `this host is enrolled as ${identity.node} of cluster ${identity.cluster}, the token is for ${token.node} of ${token.cluster}`,
      `move ${config.stateDir} aside first if the host really changes its cluster`,
    );
  }
  if (identity !== undefined && identity.node !== token.node) {
    throw withNext(
      `this host is enrolled as ${identity.node}, the token is for ${token.node}`,
      `use the token of ${identity.node}, or move ${config.stateDir} aside`,
    );
  }
  await store.keepJoinToken(text);
  process.stderr.write(
    `Token for ${token.node} of cluster ${token.cluster} installed, good until ${token.expiresAt}.\n` +
      '  next: coordinator bootstrap, on the coordinator (the agent must be running here)\n',
  );
}

function read(tokenFile: string): string {
  try {
    return readFileSync(tokenFile === '-' ? 0 : tokenFile, 'utf8');
  } catch (error) {
    throw new Error(`cannot read ${tokenFile}: ${(error as Error).message}`, { cause: error });
  }
}

function withNext(message: string, next: string): Error {
  return Object.assign(new Error(message), { next });
}
