/** What is run for each step, and where: the same for a run and for `--dry-run`, which shows it. Pure. */
import type { InstallStep } from './plan/plan.js';
import {
  clearRoomScript,
  diagnoseScript,
  enableScript,
  installFromRepositoryScript,
  installScript,
  makeRoomScript,
  probeScript,
} from './scripts.js';
import { type Call, type SshHost, type SshSettings, scpCall, scriptCall, sshCall } from './ssh.js';

const lookMsMax = 30_000;
const shortMsMax = 60_000;
/** Tens of megabytes over a slow line. */
const copyMsMax = 15 * 60_000;
/** Waits for another package manager's lock, and for mirrors. */
const installMsMax = 15 * 60_000;

export interface HostCalls {
  probe(): Call;
  makeRoom(): Call;
  copy(step: InstallStep & { kind: 'copy' }, directory: string): Call;
  install(step: InstallStep & { kind: 'install' }, directory: string): Call;
  installFromRepository(step: InstallStep & { kind: 'installFromRepository' }): Call;
  token(): Call;
  enable(): Call;
  clearRoom(directory: string): Call;
  diagnose(): Call;
}

/** `tag`: of this cluster, so that what an earlier run left is known; `sudo`: the account is not root. */
export function callsOf(host: SshHost, settings: SshSettings, tag: string, sudo: boolean): HostCalls {
  const asRoot = sudo ? ['sudo', '-n'] : [];
  const script = (
    text: string,
    msMax: number,
    words: readonly string[] = [],
    before: readonly string[] = [],
  ) => scriptCall(host, settings, { text, msMax, words, before });
  return {
    probe: () => script(probeScript, lookMsMax),
    makeRoom: () => script(makeRoomScript, shortMsMax, [tag]),
    copy: ({ file }, directory) =>
      scpCall(host, settings, file.path, `${directory}/etcd-agent.${file.kind}`, copyMsMax),
    install: ({ by, file }, directory) =>
      script(
        installScript,
        installMsMax,
        [by, directory, file.kind, file.sha256, wordOf(file.version)],
        asRoot,
      ),
    installFromRepository: ({ by }) => script(installFromRepositoryScript, installMsMax, [by], asRoot),
    // The token goes through standard input: an argument would be seen by everybody on the host.
    token: () =>
      sshCall(
        host,
        settings,
        [...asRoot, 'etcd-agent', 'enrol', '--token-file', '-'],
        { kind: 'joinToken' },
        shortMsMax,
      ),
    enable: () => script(enableScript, shortMsMax, [], asRoot),
    clearRoom: (directory) => script(clearRoomScript, shortMsMax, [directory]),
    diagnose: () => script(diagnoseScript, lookMsMax, [], asRoot),
  };
}

/** `~` and `^` mean something to some shells; the script puts them back. */
function wordOf(version: string): string {
  return version.replaceAll('~', '%7e').replaceAll('^', '%5e');
}
