/** `etcd-agent run`: the daemon, until SIGTERM or SIGINT. */
import {
  HeldError,
  type Logger,
  notifySettings,
  systemClock,
  systemdNotify,
  waitingForDisk,
} from '@etcd-agent/platform';
import { type Agent, startAgent } from '../agent.js';
import { ConfigError, type ConfigSources, loadConfig } from '../config.js';
import { openLinuxHost } from '../linux-host.js';
import { type Telling, tellSystemd } from '../tell-systemd.js';
import { version } from '../version.js';

/** Whoever restarts a unit ends all of its processes: an etcd that the agent runs itself would be one of them. */
function refuseProcessUnderUnit(serviceManager: string): void {
  if (serviceManager !== 'process' || process.env.NOTIFY_SOCKET === undefined) return;
  throw new ConfigError([
    {
      where: '',
      path: 'serviceManager',
      message: 'process is not for an agent that systemd runs: a restart of the agent would end etcd',
    },
  ]);
}

export async function runAgent(sources: ConfigSources): Promise<void> {
  const config = loadConfig(sources);
  refuseProcessUnderUnit(config.serviceManager);
  const host = await openLinuxHost(config).catch((error: unknown) => {
    if (!(error instanceof HeldError)) throw error;
    throw Object.assign(
      new Error(`another etcd-agent (process ${error.holderPid}) runs on ${config.stateDir}`),
      {
        next: 'etcd-agent status',
      },
    );
  });
  const { log } = host;
  const identity = await host.store.identity();
  const token = await host.store.joinToken().catch((error: unknown) => {
    log.error({ err: error }, 'the join token cannot be used');
    return undefined;
  });
  const agent = await startAgent(host).catch(async (error: NodeJS.ErrnoException) => {
    // A service manager that was opened watches its etcd, and that would keep a failed agent alive.
    await host.services.close();
    await host.lock.release();
    throw startProblem(config.listen, error);
  });
  log.info(
    {
      version,
      listen: config.listen,
      serviceManager: host.services.kind,
      identity: identity === undefined ? 'none' : `${identity.cluster}/${identity.node}`,
      enrolment: token === undefined ? 'no token here' : `token for ${token.node}, until ${token.expiresAt}`,
    },
    'listening',
  );
  const telling = tellWhoeverStartedIt(agent, log);
  const signal = await new Promise<string>((resolve) => {
    for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => resolve(name));
  });
  log.info({ signal }, 'stopping; etcd goes on');
  await Promise.all([telling?.stop(), agent.close()]);
  await host.lock.release();
}

/** Undefined where the agent was not started by a service manager that wants to hear of it. */
function tellWhoeverStartedIt(agent: Agent, log: Logger): Telling | undefined {
  const settings = notifySettings(process.env, process.pid);
  if (settings === undefined) return undefined;
  return tellSystemd({
    clock: systemClock,
    log: log.child({ part: 'systemd' }),
    notify: systemdNotify(settings),
    watchdogMs: settings.watchdogMs,
    turns: agent.turns,
    statusLine: agent.statusLine,
    waitingForDisk: () => waitingForDisk(),
  });
}

function startProblem(listen: string, error: NodeJS.ErrnoException): unknown {
  const next = 'set listen in agent.yaml, or --listen ADDRESS:PORT';
  switch (error.code) {
    case 'EADDRINUSE':
      return Object.assign(new Error(`cannot listen on ${listen}: another program has this port`), { next });
    case 'EADDRNOTAVAIL':
      return Object.assign(new Error(`cannot listen on ${listen}: the address is not on this host`), {
        next,
      });
    default:
      return error;
  }
}
